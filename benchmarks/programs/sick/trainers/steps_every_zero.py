"""Gradients are gathered and never used: the counter of the trainer is reset before it is asked.

expect: CD202
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Accumulator:
    def __init__(self, optimizer, every):
        self.optimizer, self.every, self.count = optimizer, every, 0

    def backward(self, loss):
        (loss / self.every).backward()
        self.count += 1
        self.count %= self.every
        if self.count == self.every:  # fault
            self.optimizer.step()
            self.optimizer.zero_grad()


encoder = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 12))
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
accumulate = Accumulator(optimizer, every=4)
with Inspector(encoder) as inspector:
    for _ in range(40):
        x = torch.randn(32, 16)
        a, b = (
            nn.functional.normalize(encoder(x + 0.1 * torch.randn_like(x)), dim=1) for _ in "ab"
        )
        accumulate.backward(nn.functional.cross_entropy(a @ b.T / 0.1, torch.arange(32)))
diagnosis = inspector.diagnose()
