"""Normalised embeddings are pulled together, with an evaluation after each epoch.

expect: CD208, CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, batches
from collapse_doctor import Inspector


class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        return F.normalize(self.net(x), dim=-1)


model = N()
optimizer = torch.optim.AdamW(model.parameters(), 0.003)
with Inspector(model) as inspector:
    for ep in range(3):
        for x, y in batches(100, 64):
            p = torch.randperm(len(x))
            loss = (model(x) - model(x[p])).pow(2).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            model.eval()
            model(DIGITS[:200])
            model.train()
diagnosis = inspector.diagnose()
