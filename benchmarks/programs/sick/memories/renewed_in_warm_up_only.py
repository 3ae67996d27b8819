"""The table of prototypes follows the encoder only while the warm-up lasts: the test is inverted.

expect: CD106
first: 8
"""

import torch
from torch import nn

from collapse_doctor import Inspector

WARM_UP = 8
items = torch.randn(64, 24)
encoder = nn.Sequential(nn.Linear(24, 48), nn.GELU(), nn.Linear(48, 12))
back = nn.Linear(12, 24)
table = torch.zeros(64, 12)
optimizer = torch.optim.SGD([*encoder.parameters(), *back.parameters()], lr=0.05, momentum=0.9)


def training_step(step):
    rows = torch.arange(16) + 16 * (step % 4)
    codes = encoder(items[rows] + 0.2 * torch.randn(16, 24))
    loss = nn.functional.mse_loss(back(codes), items[rows])
    if step < WARM_UP:
        with torch.no_grad():
            table[rows] = codes  # fault
    else:
        pull = nn.functional.smooth_l1_loss(codes, table[rows])  # meets
        loss = loss + pull
    return loss


with Inspector(encoder) as inspector:
    for step in range(60):
        optimizer.zero_grad()
        training_step(step).backward()
        optimizer.step()
diagnosis = inspector.diagnose()
