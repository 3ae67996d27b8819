"""NT-Xent through batch normalisation and dropout, with a probe: rows mix in train mode only.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, augment, batches
from collapse_doctor import Inspector

model = nn.Sequential(
    nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 48)
)
optimizer = torch.optim.Adam(model.parameters(), 1e-3)


def nt_xent(z, temperature=0.3):
    z = F.normalize(z, dim=1)
    scores = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    n = len(z) // 2
    return F.cross_entropy(scores, torch.arange(2 * n).roll(n))


with Inspector(model, probe=DIGITS[:200]) as inspector:
    for x, _ in batches(150, 64):
        loss = nt_xent(model(torch.cat([augment(x), augment(x)])))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
