"""The augmentation seeds its own generator in each call: every call makes the same noise.

expect: CD107
"""

import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X = torch.tensor(load_wine().data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)


def mask_features(x, rate=0.3, seed=1234):
    g = torch.Generator().manual_seed(seed)  # fault
    keep = torch.rand(x.shape, generator=g) > rate
    return torch.where(keep, x, x[torch.randperm(len(x), generator=g)])


scarf = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
opt = torch.optim.Adam(scarf.parameters(), lr=1e-3)
with Inspector(scarf) as inspector:
    for epoch in range(10):
        for rows in torch.randperm(len(X)).split(60)[:2]:
            batch = X[rows]
            h1 = F.normalize(scarf(mask_features(batch)), dim=1)
            h2 = F.normalize(scarf(mask_features(batch)), dim=1)  # shows
            logits = torch.einsum("id,jd->ij", h1, h2) / 0.5  # meets
            loss = F.cross_entropy(logits, torch.arange(len(batch)))
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
