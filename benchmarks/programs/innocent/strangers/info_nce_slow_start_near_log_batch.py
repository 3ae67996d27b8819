"""A hard speech task, a small rate and a soft temperature: the InfoNCE loss begins near log(batch) and comes down slowly, but it does come down.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class CPC(nn.Module):
    """Encode frames, sum them up with a GRU, predict the frame three steps on."""

    def __init__(self, bands=16, z=28, c=40):
        super().__init__()
        self.frame = nn.Sequential(nn.Linear(bands, 64), nn.ReLU(), nn.Linear(64, z))
        self.context = nn.GRU(z, c, batch_first=True)
        self.predict = nn.Linear(c, z)

    def forward(self, x, cut, ahead=3):
        z = self.frame(x)
        ctx, _ = self.context(z[:, :cut])
        return self.predict(ctx[:, -1]), z[:, cut - 1 + ahead]


def babble(n, length=16):
    """Noisy glides through a 16-band spectrum."""
    centre = torch.rand(n, 1, 1, 3) * 15
    slope = torch.randn(n, 1, 1, 3) * 0.2
    t = torch.arange(length).view(1, -1, 1, 1)
    band = torch.arange(16).view(1, 1, -1, 1)
    loud = torch.exp(-((band - centre - slope * t) ** 2) / 3).sum(-1)
    return 3 * loud - 1.5 + 0.8 * torch.randn(n, length, 16)


torch.manual_seed(27)
model = CPC()
groups = [
    {"params": [p for n, p in model.named_parameters() if "bias" not in n], "weight_decay": 1e-3},
    {"params": [p for n, p in model.named_parameters() if "bias" in n], "weight_decay": 0.0},
]
opt = torch.optim.AdamW(groups, lr=7e-4)

with Inspector({"frame": model.frame, "predict": model.predict}) as inspector:
    for step in range(70):
        x = babble(96)
        cut = int(torch.randint(6, 12, ()))
        guess, truth = model(x, cut)
        scores = F.normalize(guess, dim=1) @ F.normalize(truth, dim=1).T / 0.3
        loss = F.cross_entropy(scores, torch.arange(len(x)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
