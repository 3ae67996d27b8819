"""A pretrained backbone is frozen on purpose, the head on top learns, and the rate warms up from 0.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

d = load_digits()
X, y = torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target)

backbone = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 48), nn.GELU())
decoder = nn.Linear(48, 64)
pre = torch.optim.Adam([*backbone.parameters(), *decoder.parameters()], lr=2e-3)
for _ in range(80):  # pretraining as an autoencoder
    x = X[torch.randint(len(X), (96,))]
    loss = F.mse_loss(decoder(backbone(x)), x)
    pre.zero_grad()
    loss.backward()
    pre.step()


class Retrieval(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        for p in self.backbone.parameters():
            p.requires_grad = False
        self.projection = nn.Sequential(nn.Linear(48, 64), nn.ReLU(), nn.Linear(64, 20))

    def forward(self, x):
        with torch.no_grad():
            h = self.backbone(x)
        return F.normalize(self.projection(h), dim=-1)


def supcon(z, y, tau=0.2):
    sim = z @ z.T / tau
    self_mask = torch.eye(len(z), dtype=torch.bool)
    pos = (y[:, None] == y[None]) & ~self_mask
    logp = sim - torch.logsumexp(sim.masked_fill(self_mask, -1e9), 1, keepdim=True)
    return -(logp * pos).sum(1).div(pos.sum(1).clamp(min=1)).mean()


model = Retrieval(backbone)
opt = torch.optim.AdamW(model.projection.parameters(), lr=4e-3)
warmup = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, s / 8))

with Inspector(model) as inspector:
    for step in range(60):
        i = torch.randint(len(X), (80,))
        loss = supcon(model(X[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        warmup.step()
        if step % 12 == 0:
            print(step, f"{loss.item():.4f}")
diagnosis = inspector.diagnose()
