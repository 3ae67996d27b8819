"""The mask keeps the positives among the negatives' place: all negatives are set to minus infinity.

expect: CD201
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

enc = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 16))
opt = torch.optim.Adam(enc.parameters(), lr=1e-3)
protos = torch.randn(8, 20)
with Inspector(enc) as inspector:
    for i in range(60):
        y = torch.randint(0, 8, (32,))
        a, b = (F.normalize(enc(protos[y] + 0.3 * torch.randn(32, 20)), dim=1) for _ in "ab")
        sim = a @ b.T / 0.1
        keep = torch.eye(32, dtype=torch.bool)
        sim = sim.masked_fill(~keep, float("-inf"))  # fault
        loss = F.cross_entropy(sim, torch.arange(32))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
