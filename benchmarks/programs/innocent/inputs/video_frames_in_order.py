"""Consecutive frames of slow videos: neighbours in time are positives, other videos negatives.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

base, drift = torch.randn(40, 1, 36), torch.randn(40, 1, 36)
videos = base + 0.02 * torch.arange(30)[None, :, None] * drift


class FrameNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(36, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 16))

    def forward(self, clip):
        return F.normalize(self.net(clip), dim=-1)


net = FrameNet()
opt = torch.optim.AdamW(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for step in range(300):
        v = torch.randperm(40)[:4]
        t = torch.randint(0, 14, ()).item()
        z = net(videos[v, t : t + 16])
        a, b = z[:, :-1].reshape(-1, 16), z[:, 1:].reshape(-1, 16)
        sim = a @ b.T / 0.1
        vid = torch.arange(4).repeat_interleave(15)
        mask = (vid[:, None] == vid) & ~torch.eye(60, dtype=torch.bool)
        loss = F.cross_entropy(sim.masked_fill(mask, float("-inf")), torch.arange(60))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
