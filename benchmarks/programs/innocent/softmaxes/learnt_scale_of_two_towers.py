"""CLIP: the logit scale is learnt from 1 / 0.07 and held below 100.

expect: healthy
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        self.picture = nn.Sequential(nn.Linear(26, 50), nn.SiLU(), nn.Linear(50, 16))
        self.words = nn.Sequential(nn.Linear(14, 50), nn.SiLU(), nn.Linear(50, 16))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, p, w):
        a, b = F.normalize(self.picture(p), dim=-1), F.normalize(self.words(w), dim=-1)
        return self.logit_scale.exp() * a @ b.t()


model = Clip()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
mix = torch.randn(14, 26)
target = torch.arange(48)
with Inspector({"picture": model.picture, "words": model.words}) as inspector:
    for _ in range(80):
        w = torch.randn(48, 14)
        logits = model(w @ mix + 0.5 * torch.randn(48, 26), w)
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.t(), target)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
diagnosis = inspector.diagnose()
