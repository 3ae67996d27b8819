"""The negatives are the positives shuffled in place: both names hold the shuffled list.

expect: CD107
"""

import numpy as np
import torch
from torch import nn

from collapse_doctor import Inspector

rng = np.random.default_rng(0)
clicks = rng.integers(0, 120, size=(3000, 2))


class Items(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(120, 16)
        self.fc = nn.Linear(16, 16)

    def forward(self, ids):
        return torch.tanh(self.fc(self.table(ids)))


items, users = Items(), nn.Embedding(120, 16)
opt = torch.optim.Adam([*items.parameters(), *users.parameters()], 1e-2)
with Inspector(items) as inspector:
    for start in range(0, 3000, 60):
        batch = clicks[start : start + 60]
        pos = batch[:, 1].copy()
        neg = pos  # fault
        rng.shuffle(neg)  # shows
        u = users(torch.from_numpy(batch[:, 0]))
        p = items(torch.from_numpy(pos))  # shows
        n = items(torch.from_numpy(neg))  # shows
        loss = torch.nn.functional.triplet_margin_loss(u, p, n)  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
