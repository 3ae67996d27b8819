"""Maps (batch, channels, length) and turned sequences: the default of the cosine is right for both.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Waves(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.front = nn.Sequential(nn.Conv1d(1, 24, 9, 4), nn.GELU(), nn.Conv1d(24, width, 5, 2))
        self.mix = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width))

    def forward(self, wave):
        maps = self.front(wave[:, None])
        states = self.mix(maps.transpose(1, 2))
        return maps, states.transpose(1, 2)


net = Waves()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        pitch = torch.rand(16, 1) * 20 + 5
        wave = torch.sin(pitch * torch.linspace(0, 6.28, 160))
        one = net(wave + 0.1 * torch.randn_like(wave))
        two = net(wave + 0.1 * torch.randn_like(wave))
        loss = 0.0
        for a, b in zip(one, two, strict=True):
            good, bad = F.cosine_similarity(a, b), F.cosine_similarity(a, b.roll(1, 0))
            loss = loss + F.relu(0.5 - good + bad).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
