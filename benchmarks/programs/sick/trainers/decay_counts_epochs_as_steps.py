"""A linear schedule told the number of epochs as that of steps: after four steps the rate is 0.

expect: CD202
first: 4
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from collapse_doctor import Inspector


def linear_schedule(optimizer, warmup_steps, total_steps):
    def rate(step):
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        return max(0.0, (total_steps - step) / (total_steps - warmup_steps))  # shows

    return LambdaLR(optimizer, rate)  # shows


epochs, steps_per_epoch = 4, 20
net = nn.Sequential(nn.Linear(24, 48), nn.GELU(), nn.Linear(48, 16))
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
scheduler = linear_schedule(optimizer, warmup_steps=1, total_steps=epochs)  # fault
basis = torch.randn(6, 24)

with Inspector(net) as inspector:
    for _ in range(epochs * steps_per_epoch):
        s = torch.randn(48, 6) @ basis
        a, b = (F.normalize(net(s + 0.5 * torch.randn(48, 24)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(48))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
diagnosis = inspector.diagnose()
