"""Parts are called while training; the model itself only when it is evaluated.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.body(x))


X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)
net = Net()
opt = torch.optim.Adam(net.parameters(), 2e-3)
with Inspector(net) as inspector:
    for epoch in range(4):
        net.train()
        for k in torch.randperm(1500).split(50):
            features = net.body(X[k])
            loss = F.cross_entropy(net.head(features), y[k])
            opt.zero_grad()
            loss.backward()
            opt.step()
            inspector.step(loss=loss, labels=y[k])
        net.eval()
        with torch.no_grad():
            right = (net(X[1500:]).argmax(1) == y[1500:]).float().mean()
diagnosis = inspector.diagnose()
