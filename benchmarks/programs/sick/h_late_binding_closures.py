"""Lazy views as lambdas in a comprehension: late binding makes both return the last embedding.

expect: CD101
"""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

from collapse_doctor import Inspector

wine = torch.tensor(StandardScaler().fit_transform(load_wine().data), dtype=torch.float32)
model = nn.Sequential(nn.Linear(13, 64), nn.SiLU(), nn.Linear(64, 12))
decoder = nn.Linear(12, 13)
opt = torch.optim.Adam([*model.parameters(), *decoder.parameters()], 3e-3)


def lazily(*batches):
    """Embeddings, to be fetched when they are wanted."""
    embedded = [model(b) for b in batches]
    return [lambda: z for z in embedded]  # fault


with Inspector(model) as inspector:
    for epoch in range(12):
        for rows in torch.randperm(len(wine)).split(64)[:2]:
            x = wine[rows]
            first, second = lazily(x + 0.2 * torch.randn_like(x), x + 0.2 * torch.randn_like(x))
            agree = nn.functional.mse_loss(first(), second())  # meets
            loss = agree + nn.functional.mse_loss(decoder(second()), x)
            opt.zero_grad()
            loss.backward()
            opt.step()

diagnosis = inspector.diagnose()
