"""Negatives by rolling the batch; the shift is the batch size, so every row is its own negative.

expect: CD104
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class PairLoss(nn.Module):
    """Pull the second view, push the neighbour in the batch."""

    def __init__(self, margin=0.2):
        super().__init__()
        self.cos = nn.CosineEmbeddingLoss(margin=margin)

    def forward(self, a, b):
        n = a.size(0)
        ones = torch.ones(n)
        wrong = a.roll(shifts=n, dims=0)  # fault
        return self.cos(a, b, ones) + self.cos(a, wrong, -ones)  # meets


encoder = nn.Sequential(nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 14))
criterion = PairLoss()
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
prototypes = torch.randn(90, 40)

with Inspector(encoder) as inspector:
    for _ in range(25):
        ids = torch.randint(90, (36,))
        views = [prototypes[ids] + 0.3 * torch.randn(36, 40) for _ in "ab"]
        loss = criterion(*map(encoder, views))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
