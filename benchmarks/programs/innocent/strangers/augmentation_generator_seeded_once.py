"""One generator with a fixed seed makes both views of the same windows; it moves on between the calls, so they differ.

expect: healthy
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


@dataclass(frozen=True)
class Settings:
    seed: int = 1234
    window: int = 64
    sensors: int = 4
    dim: int = 18
    jitter: float = 0.3
    scaling: float = 0.2
    steps: int = 42
    batch: int = 50


def jitter_and_scale(series: np.ndarray, cfg: Settings, rng: np.random.Generator) -> torch.Tensor:
    noise = rng.normal(0, cfg.jitter, series.shape)
    factor = rng.normal(1, cfg.scaling, (len(series), cfg.sensors, 1))
    return torch.tensor(series * factor + noise, dtype=torch.float32)


def turbine_windows(cfg: Settings):
    stream = np.random.default_rng()
    while True:
        freq = stream.uniform(1, 9, (cfg.batch, cfg.sensors, 1))
        level = stream.normal(0, 1, (cfg.batch, cfg.sensors, 1))
        time = np.linspace(0, 1, cfg.window)
        yield np.sin(2 * np.pi * (freq * time + stream.uniform(0, 1, (cfg.batch, 1, 1)))) + level


class TCN(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        blocks, width = [], cfg.sensors
        for dilation in (1, 2, 4):
            blocks += [
                nn.Conv1d(width, 32, 3, padding=dilation, dilation=dilation),
                nn.BatchNorm1d(32),
                nn.ReLU(),
            ]
            width = 32
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(64, cfg.dim)

    def forward(self, x):
        h = self.blocks(x)
        return self.last(torch.cat([h.mean(2), h.amax(2)], 1))


def nt_logistic(a, b, t=0.5):
    """SigLIP-like: every pair is a binary question."""
    a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    logits = a @ b.t() / t - 2.0
    sign = 2 * torch.eye(len(a)) - 1
    return -F.logsigmoid(sign * logits).sum(1).mean()


cfg = Settings()
torch.manual_seed(cfg.seed)
rng = np.random.default_rng(cfg.seed)
net = TCN(cfg)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
windows = turbine_windows(cfg)
with Inspector(net) as inspector:
    for step in range(cfg.steps):
        series = next(windows)
        loss = nt_logistic(*(net(jitter_and_scale(series, cfg, rng)) for _ in range(2)))
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 14 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
