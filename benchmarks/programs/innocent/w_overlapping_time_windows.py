"""Slow features over time: h[:, 1:] against h[:, :-1] overlap in memory, but not row by row.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

encoder = nn.Sequential(nn.Linear(12, 48), nn.Tanh(), nn.Linear(48, 10))
decoder = nn.Linear(10, 12)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)
mixing = torch.randn(6, 12)
time = torch.linspace(0, 6.0, 30)

with Inspector(encoder) as inspector:
    for _ in range(50):
        frequency, phase = 1 + 2 * torch.rand(16, 1, 6), 6.3 * torch.rand(16, 1, 6)
        x = torch.sin(frequency * time[None, :, None] + phase) @ mixing
        h = encoder(x)
        slow = (h[:, 1:] - h[:, :-1]).square().mean()
        loss = (decoder(h) - x).square().mean() + 0.1 * slow
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
