"""The own part of an all_gather: the gathered copy has no gradient and is replaced by z.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class FakeWorld:
    """Stands for a process group of three ranks; the others' vectors are those of past batches."""

    def __init__(self, rank=1, size=3):
        self.rank, self.size = rank, size
        self.others = []

    def all_gather(self, z):
        gathered = [z.detach().clone() for _ in range(self.size)]
        for r, other in zip((0, 2), self.others[-2:], strict=False):
            gathered[r].copy_(other)
        self.others.append(z.detach().clone())
        return gathered


world = FakeWorld()
model = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 16))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
items = torch.randn(300, 20)


def with_gradient(z):
    parts = world.all_gather(z)
    parts[world.rank] = z
    return torch.cat(parts)


with Inspector(model) as inspector:
    for _ in range(40):
        x = items[torch.randint(0, 300, (32,))]
        a = F.normalize(model(x + 0.2 * torch.randn_like(x)), dim=-1)
        b = F.normalize(model(x + 0.2 * torch.randn_like(x)), dim=-1)
        everyone = with_gradient(b) if len(world.others) > 2 else b
        if len(world.others) <= 2:
            world.all_gather(b)
        offset = world.rank * 32 if len(everyone) > 32 else 0
        loss = F.cross_entropy(a @ everyone.T / 0.2, torch.arange(32) + offset)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
