"""The network has no forward(); encode() collapses.

expect: CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))

    def encode(self, x):
        return self.net(x)


model = AE()
optimizer = torch.optim.Adam(model.parameters(), 0.01)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        a, b = model.encode(x), model.encode(x[torch.randperm(len(x))])
        loss = (1 - F.cosine_similarity(a, b)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
