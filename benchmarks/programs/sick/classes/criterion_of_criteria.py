"""A symmetric loss, two modules deep, is given an embedding and its detached self.

expect: CD103
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Sim(nn.Module):
    def forward(self, p, z):
        return -F.cosine_similarity(p, z, dim=-1).mean()  # meets


class Crit(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = Sim()

    def forward(self, first, second):
        return 0.5 * self.s(first, second) + 0.5 * self.s(second, first)


def total(criterion, a, b):
    return criterion(a, b)


model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
criterion = Crit()
with Inspector(model) as inspector:
    for x, _ in batches():
        za = model(x)
        zb = za.detach()  # fault
        loss = total(criterion, za, zb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
