"""Context is pooled over dimension 0, which is the batch, and takes the place of the features.

expect: CD311
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class ContextPool(nn.Module):
    """Meant for one set of items; a batch of samples comes in."""

    def __init__(self, d):
        super().__init__()
        self.mix = nn.Linear(d, d)

    def forward(self, x):
        pooled = self.mix(x).mean(dim=0, keepdim=True)  # fault
        return pooled.repeat(x.shape[0], 1)


net = nn.Sequential(
    nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), ContextPool(96), nn.ReLU(), nn.Linear(96, 10)
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
with Inspector(net) as inspector:
    for x, y in batches(50, 40):
        loss = F.cross_entropy(net(augment(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
