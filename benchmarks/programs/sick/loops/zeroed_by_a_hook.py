"""A backward hook meant to drop NaN gradients returns zeros for all of them.

expect: CD202
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

enc = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 16))
for p in enc.parameters():
    p.register_hook(lambda g: torch.where(g.isfinite(), torch.zeros_like(g), g))  # fault
opt = torch.optim.SGD(enc.parameters(), lr=0.1)
protos = torch.randn(8, 20)
with Inspector(enc) as inspector:
    for i in range(40):
        y = torch.randint(0, 8, (32,))
        a, p, n = (enc(protos[k] + 0.3 * torch.randn(32, 20)) for k in (y, y, (y + 1) % 8))
        loss = F.triplet_margin_loss(a, p, n)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
