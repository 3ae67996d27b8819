"""Instance discrimination with a memory bank, read before it is written, one epoch stale.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

digits = torch.tensor(load_digits().data, dtype=torch.float32)[:512] / 16
encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
bank = F.normalize(torch.randn(512, 32), dim=1)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)

with Inspector(encoder) as inspector:
    for _epoch in range(6):
        for index in torch.randperm(512).split(64):
            z = F.normalize(encoder(digits[index] + 0.1 * torch.randn(len(index), 64)), dim=1)
            loss = F.cross_entropy(z @ bank.T / 0.2, index)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                bank[index] = F.normalize(0.5 * bank[index] + 0.5 * z, dim=1)

diagnosis = inspector.diagnose()
