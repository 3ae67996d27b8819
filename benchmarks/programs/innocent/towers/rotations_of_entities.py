"""RotatE: relations turn entities in the complex plane; self-adversarial negatives.

expect: healthy
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

ENTITIES, RELATIONS, WIDTH = 120, 4, 16
SHIFTS = torch.tensor([1, 7, 30, 60])


class RotatE(nn.Module):
    def __init__(self):
        super().__init__()
        self.entity = nn.Embedding(ENTITIES, 2 * WIDTH)
        self.phase = nn.Embedding(RELATIONS, WIDTH)
        nn.init.uniform_(self.entity.weight, -0.5, 0.5)
        nn.init.uniform_(self.phase.weight, -math.pi, math.pi)

    def forward(self, h, r, t):
        re, im = self.entity(h).chunk(2, -1)
        tre, tim = self.entity(t).chunk(2, -1)
        cos, sin = self.phase(r).cos(), self.phase(r).sin()
        gap = torch.stack([re * cos - im * sin - tre, re * sin + im * cos - tim])
        return 6.0 - gap.norm(dim=0).sum(-1)


model = RotatE()
opt = torch.optim.Adam(model.parameters(), lr=0.02)
with Inspector(model) as inspector:
    for _ in range(250):
        h, r = torch.randint(ENTITIES, (64,)), torch.randint(RELATIONS, (64,))
        t = (h + SHIFTS[r]) % ENTITIES
        bad = torch.randint(ENTITIES, (64, 8))
        good = model(h, r, t)
        wrong = model(h[:, None].expand(-1, 8), r[:, None].expand(-1, 8), bad)
        weights = (wrong.detach() * 0.5).softmax(-1)
        loss = -F.logsigmoid(good).mean() - (weights * F.logsigmoid(-wrong)).sum(-1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
