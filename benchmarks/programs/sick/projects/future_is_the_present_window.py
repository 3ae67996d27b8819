"""A project on sensor windows: the window ahead is cut at the same place as the present one.

expect: CD107
"""

import collections
import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


@dataclass(frozen=True)
class Options:
    length: int = 32
    horizon: int = 8
    batch: int = 32
    steps: int = 60
    lr: float = 1e-3
    ema: float = 0.99


class Sensors(Dataset):
    """Windows of twenty recordings of three channels, and what comes after each."""

    def __init__(self, options, recordings=20, points=400):
        t = torch.arange(points) / 20
        speed = 1 + 2 * torch.rand(recordings, 3, 1)
        phase = 6.28 * torch.rand(recordings, 3, 1)
        self.signal = (speed * t + phase).sin() + 0.1 * torch.randn(recordings, 3, points)
        self.o = options
        self.per = points - options.length - options.horizon

    def __len__(self):
        return len(self.signal) * self.per

    def __getitem__(self, index):
        recording, start = divmod(index, self.per)
        window = self.signal[recording, :, start : start + self.o.length]
        ahead = start + self.o.horizon
        future = self.signal[recording, :, start : ahead + self.o.length]  # fault
        return window, future[:, : self.o.length]


class Encoder(nn.Module):
    def __init__(self, channels=3, width=24, out=16):
        super().__init__()
        self.conv1 = nn.Conv1d(channels, width, 5, stride=2)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2)
        self.norm = nn.GroupNorm(4, width)
        self.out = nn.Linear(width, out)

    def forward(self, x):
        h = F.gelu(self.conv1(x))
        h = F.gelu(self.norm(self.conv2(h)))
        return self.out(h.mean(-1))


class ModelEma:
    def __init__(self, model, decay):
        self.decay = decay
        self.shadow = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model):
        for k, v in model.state_dict().items():
            self.shadow[k].lerp_(v, 1 - self.decay)


def info_nce(query, key, temperature=0.1):
    query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
    logits = query @ key.transpose(-2, -1)  # shows
    return F.cross_entropy(logits / temperature, torch.arange(len(query)))


def endless(loader):
    while True:
        yield from loader


def main(o):
    loader = DataLoader(Sensors(o), o.batch, shuffle=True, drop_last=True)
    model = Encoder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=o.lr)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
    ema, recent = ModelEma(model, o.ema), collections.deque(maxlen=10)
    with Inspector(model) as inspector:
        for step, (window, future) in enumerate(endless(loader)):
            if step == o.steps:
                break
            began = time.perf_counter()
            loss = info_nce(model(window), model(future))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            ema.update(model)
            recent.append((loss.item(), time.perf_counter() - began))
    return inspector.diagnose()


diagnosis = main(Options())
