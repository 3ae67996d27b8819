"""Contrastive loss of Hadsell by hand; labels come as a column from a data frame.

expect: CD205
"""

import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

n = 320
frame = pd.DataFrame({"same": torch.randint(0, 2, (n,)).numpy()})
base = torch.randn(n, 20)
other = torch.where(torch.tensor(frame[["same"]].values) > 0, base, torch.randn(n, 20))

siamese = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 10))
optimizer = torch.optim.RMSprop(siamese.parameters(), lr=1e-3)
labels = torch.tensor(frame[["same"]].values, dtype=torch.float32)  # fault


def contrastive_loss(y, u, v, margin=1.5):
    d = F.pairwise_distance(u, v)
    return torch.mean(y * d.pow(2) + (1 - y) * (margin - d).clamp(min=0).pow(2))  # meets # shows


with Inspector(siamese) as inspector:
    for start in range(0, n, 10):
        s = slice(start, start + 10)
        u = siamese(base[s] + 0.1 * torch.randn(10, 20))
        v = siamese(other[s] + 0.1 * torch.randn(10, 20))
        loss = contrastive_loss(labels[s], u, v)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
