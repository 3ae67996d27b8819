"""A sampler gives batches of one class each, so a supervised contrastive loss has no negatives.

expect: CD503
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS
from collapse_doctor import Inspector


class ByClass:
    def __init__(self, labels, size):
        self.groups = [(labels == k).nonzero().flatten() for k in range(10)]
        self.size = size

    def __iter__(self):
        while True:
            group = self.groups[3]
            yield group[torch.randint(len(group), (self.size,))]


class SupCon(nn.Module):
    def forward(self, z, y):
        z = F.normalize(z, dim=1)
        logits = z @ z.T / 0.5 - 1e9 * torch.eye(len(z))
        same = (y[:, None] == y[None, :]).float() - torch.eye(len(z))
        return -(same * F.log_softmax(logits, dim=1)).sum(1).div(same.sum(1)).mean()


net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))
criterion, optimizer = SupCon(), torch.optim.Adam(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for _, rows in zip(range(60), ByClass(LABELS, 32)):
        x, y = DIGITS[rows] + 0.1 * torch.randn(32, 64), LABELS[rows]
        loss = criterion(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
