"""Both names of the two views point to one augmented batch.

expect: CD107
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

images = torch.tensor(load_digits().data, dtype=torch.float32) / 16


def augment(x):
    return x * (torch.rand_like(x) > 0.2) + 0.05 * torch.randn_like(x)


def nt_xent(z1, z2, tau=0.2):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.T / tau  # meets
    sim.fill_diagonal_(float("-inf"))
    n = len(z1)
    target = torch.cat([torch.arange(n) + n, torch.arange(n)])
    return F.cross_entropy(sim, target)


encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)

with Inspector(encoder) as inspector:
    for rows in torch.randperm(1600).split(64):
        x1 = x2 = augment(images[rows])  # fault
        loss = nt_xent(encoder(x1), encoder(x2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
