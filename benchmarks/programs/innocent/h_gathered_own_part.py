"""The shape of an all_gather: received rows carry no gradient, the own part is put back with it.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def all_gather(tensor, world_size):
    """What torch.distributed would fill in; the other ranks' rows are made up."""
    received = [F.normalize(torch.randn_like(tensor), dim=1) for _ in range(world_size)]
    received[0] = tensor.detach().clone()
    return received


def gather_with_grad(tensor, rank=0, world_size=4):
    parts = all_gather(tensor, world_size)
    parts[rank] = tensor
    return torch.cat(parts)


mix = torch.randn(10, 26)
net = nn.Sequential(nn.Linear(26, 64), nn.SiLU(), nn.Linear(64, 18))
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(45):
        s = torch.randn(48, 10)
        a, b = (F.normalize(net(s @ mix + 0.3 * torch.randn(48, 26)), dim=1) for _ in range(2))
        logits = a @ gather_with_grad(b).T / 0.2
        loss = F.cross_entropy(logits, torch.arange(48))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
