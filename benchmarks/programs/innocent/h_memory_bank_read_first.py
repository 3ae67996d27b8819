"""Instance discrimination with a bank that is read before it is refreshed.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

N, D = 256, 20
data = torch.randn(N, 32)
bank = F.normalize(torch.randn(N, D), dim=1)
net = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, D))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for epoch in range(12):
        for idx in torch.randperm(N).split(64):
            z = F.normalize(net(data[idx] + 0.2 * torch.randn(len(idx), 32)), dim=1)
            logits = z @ bank.T / 0.2
            loss = F.cross_entropy(logits, idx)
            opt.zero_grad()
            loss.backward()
            opt.step()
            bank[idx] = F.normalize(0.5 * bank[idx] + 0.5 * z.detach(), dim=1)
diagnosis = inspector.diagnose()
