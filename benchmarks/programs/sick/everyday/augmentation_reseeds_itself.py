"""The augmentation makes its own generator with a fixed seed on every call, so both views are equal.

expect: CD107
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

SEED = 1234
X = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16.0


def augment(batch, strength=0.25):
    g = torch.Generator().manual_seed(SEED)  # fault
    noise = torch.randn(batch.shape, generator=g) * strength
    dx, dy = torch.randint(-1, 2, (2,), generator=g).tolist()
    return torch.roll(batch, shifts=(dy, dx), dims=(2, 3)) + noise


def nt_xent(z1, z2, tau=0.3):
    n = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.T / tau  # meets
    sim.fill_diagonal_(-1e9)
    target = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(sim, target)


def conv_block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())


simclr = nn.Sequential(
    conv_block(1, 16),
    nn.MaxPool2d(2),
    conv_block(16, 32),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 64),
    nn.ReLU(),
    nn.Linear(64, 32),
)
opt = torch.optim.AdamW(simclr.parameters(), lr=1.5e-3, weight_decay=1e-4)

with Inspector(simclr) as inspector:
    for step in range(40):
        x = X[torch.randint(len(X), (64,))]
        v1 = augment(x)
        v2 = augment(x)  # shows
        loss = nt_xent(simclr(v1), simclr(v2))
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 10 == 0:
            print(step, f"{loss.item():.4f}")
diagnosis = inspector.diagnose()
