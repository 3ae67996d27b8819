"""Somebody looked for a fault by feeding zeros, and left them in.

expect: CD501
"""

import torch
from sklearn.datasets import load_wine
from torch import nn

from collapse_doctor import Inspector

wine = load_wine()
X = torch.tensor((wine.data - wine.data.mean(0)) / wine.data.std(0), dtype=torch.float32)
y = torch.tensor(wine.target)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(13, 40), nn.Tanh(), nn.Linear(40, 20))
        self.out = nn.Linear(20, 3)

    def forward(self, x):
        h = self.features(x)
        return self.out(h), h


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)


def prepare(rows):
    x = X[rows]
    x = torch.zeros_like(x)  # fault
    return x, y[rows]


with Inspector(net) as inspector:
    for _ in range(30):
        x, target = prepare(torch.randint(0, len(X), (48,)))
        logits, _ = net(x)
        loss = nn.functional.cross_entropy(logits, target)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
