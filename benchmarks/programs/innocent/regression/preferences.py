"""A reward model: of two answers the better one gets the higher reward; hidden states are returned.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

quality = torch.randn(16)


class Reward(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 64), nn.LayerNorm(64)
        )
        self.v = nn.Linear(64, 1, bias=False)

    def forward(self, x):
        h = self.trunk(x)
        return self.v(h).squeeze(-1), h


model = Reward()
opt = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.1)
with Inspector(model) as inspector:
    for s in range(500):
        a, b = torch.randn(2, 48, 16)
        better = (a @ quality > b @ quality)[:, None]
        good, bad = torch.where(better, a, b), torch.where(better, b, a)
        (rg, _), (rb, _) = model(good), model(bad)
        loss = -F.logsigmoid(rg - rb).mean() + 0.001 * (rg**2 + rb**2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
