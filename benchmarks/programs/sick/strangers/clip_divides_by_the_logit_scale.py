"""The cosines are divided by exp(logit_scale) = 14 instead of multiplied, so the logits are next to nothing and the loss stays at log(batch size).

expect: CD207
"""

import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--steps", type=int, default=60)
    p.add_argument("--lr", type=float, default=2e-4)
    p.add_argument("--dim", type=int, default=40)
    return p.parse_args([])


class AudioTower(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(16, 32, 5, stride=2),
            nn.GELU(),
            nn.AdaptiveAvgPool1d(4),
            nn.Flatten(),
            nn.Linear(128, dim),
        )

    def forward(self, spec):
        return self.net(spec)


class CaptionTower(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.table = nn.Embedding(500, 48)
        self.gru = nn.GRU(48, dim, batch_first=True)

    def forward(self, ids):
        return self.gru(self.table(ids))[0].mean(1)


class Clap(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.audio, self.caption = AudioTower(dim), CaptionTower(dim)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, spec, ids):
        a = F.normalize(self.audio(spec), dim=-1)
        c = F.normalize(self.caption(ids), dim=-1)
        return a @ c.t() / self.logit_scale.exp()  # fault


def sounds(n, events=100):
    g = torch.Generator().manual_seed(0)
    prints, words = (
        torch.randn(events, 16, 1, generator=g),
        torch.randint(500, (events, 7), generator=g),
    )
    e = torch.randperm(events)[:n]
    return prints[e] + torch.randn(n, 16, 24), words[e]


args = get_args()
torch.manual_seed(1)
model = Clap(args.dim)
opt = torch.optim.AdamW(model.parameters(), lr=args.lr)
with Inspector({"audio": model.audio, "caption": model.caption}) as inspector:
    for _ in range(args.steps):
        logits = model(*sounds(args.batch))
        y = torch.arange(args.batch)
        loss = 0.5 * (F.cross_entropy(logits, y) + F.cross_entropy(logits.t(), y))  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
