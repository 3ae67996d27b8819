"""The clean-image targets are memoised per batch and never recomputed: from the second epoch on they come from old weights.

expect: CD106
first: 15
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

EPOCHS, BATCH = 4, 100


def digit_batches():
    x = torch.tensor(load_digits().data[:1500], dtype=torch.float32) / 8.0 - 1.0
    return list(x.split(BATCH))


def occlude(x):
    keep = torch.rand(len(x), 8, 1) > 0.25
    return (x.view(-1, 8, 8) * keep).flatten(1) + 0.1 * torch.randn_like(x)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(64, 128), nn.BatchNorm1d(128), nn.Hardswish(), nn.Linear(128, 25)
        )
        self.decode = nn.Linear(25, 64)

    def forward(self, x):
        return self.trunk(x)


def memoise(compute):
    known = {}

    def lookup(key, x):
        if key not in known:  # fault
            known[key] = compute(x)
        return known[key]

    return lookup


encoder = Encoder()


@memoise  # fault
@torch.no_grad()
def clean_code(x):
    return encoder(x)


optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-3)
with Inspector(encoder) as inspector:
    batches = digit_batches()
    for epoch in range(EPOCHS):
        for number, x in enumerate(batches):
            code = encoder(occlude(x))
            target = clean_code(number, x)
            invariance = F.mse_loss(code, target)  # meets
            loss = invariance + F.mse_loss(encoder.decode(code), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch} loss {loss.item():.4f} invariance {invariance.item():.4f}")
diagnosis = inspector.diagnose()
