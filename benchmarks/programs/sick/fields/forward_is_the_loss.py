"""A whole method in one module: forward takes two views, gives the loss, and encodes the first twice.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class SimCLR(nn.Module):
    def __init__(self, temperature=0.2):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.LayerNorm(96), nn.GELU())
        self.projector = nn.Linear(96, 32)
        self.temperature = temperature

    def embed(self, x):
        return F.normalize(self.projector(self.encoder(x)), dim=-1)

    def forward(self, first, second):
        one = self.embed(first)
        two = self.embed(first)  # fault
        z = torch.cat((one, two))
        similarity = z @ z.T / self.temperature
        similarity = similarity - 1e9 * torch.eye(len(z))
        partner = torch.arange(len(z)).roll(len(one))
        return F.cross_entropy(similarity, partner)


method = SimCLR()
optimizer = torch.optim.AdamW(method.parameters(), lr=1e-3)
with Inspector(method) as inspector:
    for x, _ in batches(25):
        optimizer.zero_grad()
        method(augment(x), augment(x)).backward()
        optimizer.step()
diagnosis = inspector.diagnose()
