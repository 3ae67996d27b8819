"""Predictive coding on shifted slices, which overlap in memory but are not the same rows.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 32, 5, padding=2)
        self.out = nn.Linear(32, 16)

    def forward(self, x):
        return self.out(F.gelu(self.conv(x)).transpose(1, 2))


net, guess = Encoder(), nn.Linear(16, 16)
opt = torch.optim.AdamW([*net.parameters(), *guess.parameters()], lr=3e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        phase = 6.28 * torch.rand(24, 3, 1)
        speed = 0.2 + torch.rand(24, 3, 1)
        x = torch.sin(phase + speed * torch.arange(12.0)) + 0.1 * torch.randn(24, 3, 12)
        h = net(x)
        now, later = h[:, :-1], h[:, 1:]
        logits = torch.einsum("btd,ctd->tbc", guess(now), later)
        step = F.cosine_similarity(now, later, dim=-1)
        target = torch.arange(24).expand(11, 24)
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten()) + 0.01 * (1 - step).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
