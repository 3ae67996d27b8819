"""``encode`` is called by hand, twice with the same view.

expect: CD107
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 128), nn.ReLU())
        self.embed = nn.Linear(128, 32)
        self.classify = nn.Linear(32, 10)

    def encode(self, x):
        return F.normalize(self.embed(self.body(x)), dim=1)

    def forward(self, x):
        return self.classify(self.encode(x))


data = torch.tensor(load_digits().data).float() / 16
net = Net()
optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9)
with Inspector(net) as inspector:
    for rows in torch.randperm(len(data))[:1600].split(32):
        left = data[rows] + 0.2 * torch.randn(len(rows), 64)
        right = data[rows] + 0.2 * torch.randn(len(rows), 64)
        a = net.encode(left)
        b = net.encode(left)  # fault
        logits = a @ b.T / 0.1
        loss = F.cross_entropy(logits, torch.arange(len(rows)))
        loss = loss + (1 - (a * b).sum(1)).mean()
        assert right.shape == left.shape
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
