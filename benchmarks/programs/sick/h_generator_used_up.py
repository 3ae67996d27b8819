"""The parameters are counted first, which uses up the generator that the optimizer is given then.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

encoder = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, 16))
projector = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))

weights = encoder.parameters()
print(f"training {sum(w.numel() for w in weights):,} weights")  # fault
optimizer = torch.optim.AdamW([*weights, *projector.parameters()], lr=1e-3)  # fault

factors = torch.randn(7, 24)
with Inspector(encoder) as inspector:
    for _ in range(30):
        latent = torch.randn(64, 7)
        a, b = (
            F.normalize(projector(encoder(latent @ factors + 0.3 * torch.randn(64, 24))), dim=1)
            for _ in range(2)
        )
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()  # shows
diagnosis = inspector.diagnose()
