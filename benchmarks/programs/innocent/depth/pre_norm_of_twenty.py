"""Twenty pre-norm residual blocks that start as the identity.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Residual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.up, self.down = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x):
        return x + self.down(F.relu(self.up(self.norm(x))))


body = nn.Sequential(
    nn.Linear(64, 64), *[Residual(64) for _ in range(20)], nn.LayerNorm(64), nn.Linear(64, 32)
)
opt = torch.optim.AdamW(body.parameters(), lr=1e-3)
with Inspector(body) as inspector:
    for x, _ in batches(110, 64):
        a, b = (F.normalize(body(augment(x))) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(64))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
