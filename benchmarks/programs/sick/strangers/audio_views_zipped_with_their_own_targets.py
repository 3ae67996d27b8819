"""Every view should chase the stopped target of the other one, but zip pairs each view with its own detached self.

expect: CD103
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def tone_bank(n, samples=160):
    t = torch.arange(samples) / samples
    freq = 2 + 30 * torch.rand(n, 3, 1)
    amp = torch.rand(n, 3, 1)
    return (amp * torch.sin(6.2832 * freq * t + 6.2832 * torch.rand(n, 3, 1))).sum(1)


def distort(wave):
    shift = int(torch.randint(0, wave.shape[-1], (1,)))
    return torch.roll(wave, shift, -1) + 0.15 * torch.randn_like(wave)


class WaveEncoder(nn.Module):
    def __init__(self, dim=26):
        super().__init__()
        self.filters = nn.Conv1d(1, 64, 33, stride=4)
        self.norm = nn.BatchNorm1d(64)
        self.mlp = nn.Sequential(nn.Linear(64, 80), nn.LeakyReLU(0.1), nn.Linear(80, dim))

    def forward(self, wave):
        energy = self.norm(self.filters(wave.unsqueeze(1))).pow(2).mean(-1)
        return self.mlp(torch.log1p(energy))


def spread_penalty(z):
    centred = z - z.mean(0)
    cov = centred.t() @ centred / (len(z) - 1)
    std = torch.sqrt(torch.diagonal(cov) + 1e-4)
    off = cov.pow(2).sum() - torch.diagonal(cov).pow(2).sum()
    return F.relu(1 - std).mean() + 0.04 * off / z.shape[1]


encoder = WaveEncoder()
clips = tone_bank(600)
opt = torch.optim.Adam(encoder.parameters(), lr=2e-3)

with Inspector(encoder) as inspector:
    for step in range(45):
        wave = clips[torch.randint(len(clips), (72,))]
        views = [distort(wave) for _ in range(2)]
        zs = [encoder(v) for v in views]
        targets = [z.detach() for z in zs]
        agreement = 0.0
        for z, target in zip(zs, targets):  # fault
            agreement = agreement + F.smooth_l1_loss(z, target)  # meets
        loss = 5 * agreement + sum(spread_penalty(z) for z in zs)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 15 == 0:
            print(step, loss.item())

diagnosis = inspector.diagnose()
