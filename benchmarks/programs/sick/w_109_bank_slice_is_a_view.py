"""The old row of a memory bank is kept by slicing, which is a view: the update overwrites it.

expect: CD109
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(27, 54), nn.ReLU(), nn.Linear(54, 18))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
samples = torch.randn(160, 27)
memory = torch.randn(160, 18)

with Inspector(net) as inspector:
    for _epoch in range(6):
        for start in range(0, 160, 32):
            z = net(samples[start : start + 32] + 0.1 * torch.randn(32, 27))
            remembered = memory[start : start + 32]  # fault
            memory[start : start + 32] = z.detach()  # fault
            drift = F.smooth_l1_loss(z, remembered)  # meets
            u = F.normalize(z, dim=1)
            loss = drift + torch.pdist(u).mul(-2).exp().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
