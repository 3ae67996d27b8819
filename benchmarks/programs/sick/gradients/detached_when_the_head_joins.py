"""When the classifier joins, the contrastive loss is detached in its place, and added as a number.

expect: CD201
first: 18
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(30, 60), nn.ReLU(), nn.Linear(60, 20))
        self.classify = nn.Linear(20, 6)


def contrast(a, b):
    scores = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T  # meets
    return F.cross_entropy(5 * scores, torch.arange(len(a)))


net = Net()
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
means = torch.randn(6, 30)

with Inspector(net.body) as inspector:
    for step in range(60):
        y = torch.randint(0, 6, (36,))
        one, two = (net.body(means[y] + 0.6 * torch.randn(36, 30)) for _ in range(2))
        loss = contrast(one, two)
        if step >= 18:
            loss = loss.detach()  # fault
            loss = loss + F.cross_entropy(net.classify(one.detach()), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
