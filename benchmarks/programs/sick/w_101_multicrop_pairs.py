"""Multi-crop consistency over all pairs of crops, written as one generator with a slip in an index.

expect: CD101
"""

from itertools import combinations

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

encoder = nn.Sequential(nn.Linear(36, 64), nn.LayerNorm(64), nn.ReLU(), nn.Linear(64, 16))
opt = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
scenes = torch.randn(256, 36)


def crop(x):
    keep = (torch.rand_like(x) > 0.25).float()
    return x * keep + 0.1 * torch.randn_like(x)


def spread(z):
    std = z.var(dim=0).add(1e-4).sqrt()
    return F.relu(1 - std).mean()


with Inspector(encoder) as inspector:
    for batch in scenes.split(32) * 3:
        crops = [encoder(crop(batch)) for _ in range(3)]
        agree = sum(
            F.cosine_similarity(crops[i], crops[i]).mean()  # fault # meets
            for i, j in combinations(range(3), 2)
        )
        loss = -agree / 3 + sum(map(spread, crops)) / 3
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
