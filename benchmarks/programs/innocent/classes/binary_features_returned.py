"""A yes or no, trained to the end; the features before the last layer are returned with the logit.

expect: healthy
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

from collapse_doctor import Inspector

X, y = load_breast_cancer(return_X_y=True)
X, y = torch.tensor((X - X.mean(0)) / X.std(0)).float(), torch.tensor(y).float()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 32), nn.Tanh())
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        f = self.body(x)
        return self.head(f).squeeze(-1), f


net = Net()
opt = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.05)
bce = nn.BCEWithLogitsLoss()
with Inspector(net) as inspector:
    for s in range(600):
        i = torch.randint(len(X), (64,))
        p, _ = net(X[i])
        loss = bce(p, y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
