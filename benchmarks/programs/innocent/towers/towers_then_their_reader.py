"""Two towers are trained; then they rest, detached, while a head that reads both learns alone.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import DIGITS, LABELS
from collapse_doctor import Inspector


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 24))
        self.right = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 24))
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.head = nn.Linear(48, 10)

    def forward(self, x, y, stage):
        a, b = self.left(x[:, :32]), self.right(x[:, 32:])
        if stage == "align":
            logits = F.normalize(a) @ F.normalize(b).T * self.scale.exp()
            return F.cross_entropy(logits, torch.arange(len(x)))
        return F.cross_entropy(self.head(torch.cat([a.detach(), b.detach()], 1)), y)


model = Reader()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
with Inspector({"left": model.left, "right": model.right}) as inspector:
    for stage in ("align", "read"):
        for _ in range(60):
            rows = torch.randint(len(DIGITS), (40,))
            model.zero_grad()
            model(DIGITS[rows], LABELS[rows], stage).backward()
            optimizer.step()
diagnosis = inspector.diagnose()
