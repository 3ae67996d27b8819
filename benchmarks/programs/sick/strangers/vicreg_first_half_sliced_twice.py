"""Both views go through the encoder in one batch, but the first half of the output is sliced out twice.

expect: CD102
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from collapse_doctor import Inspector

table = torch.tensor(StandardScaler().fit_transform(load_breast_cancer().data), dtype=torch.float32)
N_STEPS, BATCH, WIDTH = 60, 80, 20


def corrupt(rows, p=0.3):
    """SCARF-style: a share of the cells is replaced by draws from their own column."""
    donors = table[torch.randint(len(table), rows.shape), torch.arange(rows.shape[1])]
    return torch.where(torch.rand_like(rows) < p, donors, rows)


def off_diagonal(m):
    return m - torch.diag(torch.diag(m))


def vicreg(a, b):
    invariance = nn.functional.mse_loss(a, b)  # meets
    std_a, std_b = (torch.sqrt(v.var(dim=0) + 1e-4) for v in (a, b))
    variance = 0.5 * (torch.relu(1 - std_a).mean() + torch.relu(1 - std_b).mean())
    cov = [torch.cov(v.t()) for v in (a, b)]
    covariance = sum(off_diagonal(c).pow(2).sum() / WIDTH for c in cov)
    return 25 * invariance + 25 * variance + covariance


encoder = nn.Sequential(
    nn.Linear(30, 96),
    nn.BatchNorm1d(96),
    nn.ReLU(),
    nn.Linear(96, 96),
    nn.BatchNorm1d(96),
    nn.ReLU(),
    nn.Linear(96, WIDTH),
)
optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, N_STEPS)

with Inspector(encoder) as inspector:
    for step in range(N_STEPS):
        rows = table[torch.randperm(len(table))[:BATCH]]
        out = encoder(torch.cat([corrupt(rows), corrupt(rows)], dim=0))
        z1 = out[:BATCH]
        z2 = out[:BATCH]  # fault
        loss = vicreg(z1, z2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 20 == 0:
            print(step, loss.item())

diagnosis = inspector.diagnose()
