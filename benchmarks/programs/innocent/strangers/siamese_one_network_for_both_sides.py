"""Left and right image go through one and the same network, on purpose; the pairs differ and both kinds of label occur.

expect: healthy
"""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16
rng = np.random.default_rng()


def make_pairs(n):
    left = rng.integers(0, len(pixels), n)
    right = rng.integers(0, len(pixels), n)
    for k in np.flatnonzero(rng.random(n) < 0.5):
        right[k] = rng.choice(np.flatnonzero(digits.target == digits.target[left[k]]))
    same = torch.tensor(digits.target[left] == digits.target[right]).float()
    return pixels[left], pixels[right], same


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Sequential(nn.Linear(64, 96), nn.LayerNorm(96), nn.ReLU(), nn.Linear(96, 24))
        self.right = self.left

    def forward(self, a, b):
        return self.left(a), self.right(b)


def hadsell(d, same, margin=4.0):
    return (same * d.pow(2) + (1 - same) * F.relu(margin - d).pow(2)).mean() / 2


model = Siamese()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for step in range(60):
        a, b, same = make_pairs(72)
        za, zb = model(a, b)
        loss = hadsell(F.pairwise_distance(za, zb), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 15 == 0:
            print(f"{step} {loss.item():.4f}")
diagnosis = inspector.diagnose()
