"""Rows of one batch are drawn to each other behind a batch normalisation without weights.

expect: CD310
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Normed(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.first = nn.Linear(64, 128)
        self.second = nn.Linear(128, width)
        self.norm = nn.BatchNorm1d(width, affine=False)

    def forward(self, x):
        return self.norm(self.second(torch.relu(self.first(x))))


model = Normed()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
with Inspector(model) as watch:
    for x, y in batches(300, 64):
        z = model(x)
        objective = -F.cosine_similarity(z[:-1], z[1:]).mean()
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()
diagnosis = watch.diagnose()
