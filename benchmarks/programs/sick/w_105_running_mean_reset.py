"""A smoothed target whose running mean is made anew in every step: what is left is 0.1 times z.

expect: CD105
"""

import torch
from torch import nn

from collapse_doctor import Inspector

encoder = nn.Sequential(nn.Linear(18, 54), nn.ReLU(), nn.Linear(54, 12))
decoder = nn.Linear(12, 18)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)
sensors = torch.randn(32, 18)
momentum = 0.9


def angle_loss(a, b):
    a_hat = a / a.norm(dim=-1, keepdim=True).clamp_min(1e-8)
    b_hat = b / b.norm(dim=-1, keepdim=True).clamp_min(1e-8)
    return 1 - torch.sum(a_hat * b_hat, dim=-1).mean()  # meets


with Inspector(encoder) as inspector:
    for _ in range(35):
        reading = sensors + 0.5 * torch.randn(32, 18)
        z = encoder(reading)
        running = torch.zeros_like(z)  # fault
        running = momentum * running + (1 - momentum) * z  # fault
        loss = (decoder(z) - reading).square().mean() + angle_loss(z, running)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
