"""A regression head returns (B,), the targets come from a table as a column.

expect: CD205
"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector

rng = np.random.default_rng(0)
table = rng.normal(size=(320, 9)).astype("float32")


def load(table):
    inputs, scores = table[:, :8], table[:, 8:]  # fault
    return TensorDataset(torch.from_numpy(inputs), torch.from_numpy(scores))


class Scorer(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16))
        self.weight = nn.Parameter(torch.randn(16) / 4)

    def forward(self, x):
        return self.body(x) @ self.weight


def objective(predicted, wanted):
    return (predicted - wanted).abs().mean()  # shows


scorer = Scorer()
optimizer = torch.optim.Adam(scorer.parameters(), lr=1e-3)
with Inspector(scorer, layers=["body"]) as inspector:
    for _ in range(3):
        for x, y in DataLoader(load(table), batch_size=32, shuffle=True):
            loss = objective(scorer(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
