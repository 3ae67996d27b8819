"""Sounds are drawn to all words of their kind, by soft targets over all pairs written by hand.

expect: healthy
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class Run:
    sound: nn.Module
    words: nn.Module
    step: int = 0


def batch(size=48):
    kind = torch.randint(12, (size,))
    time = torch.arange(160) / 160
    wave = torch.sin(6.28 * time * (2 * kind[:, None] + 3)) + 0.1 * torch.randn(size, 160)
    return wave, 4 * kind[:, None] + torch.randint(4, (size, 5)), kind


def losses(run, wave, text, kind):
    a = F.normalize(run.sound(wave[:, None]), dim=-1)
    b = F.normalize(run.words(text), dim=-1)
    scores = torch.einsum("id,jd->ij", a, b).mul(12)
    same = (kind[:, None] == kind).float()
    same /= same.sum(1, keepdim=True)
    yield -(same * scores.log_softmax(1)).sum(1).mean()
    yield -(same * scores.log_softmax(0)).sum(0).mean()


run = Run(
    nn.Sequential(
        nn.Conv1d(1, 16, 9, 4), nn.GELU(), nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(64, 16)
    ),
    nn.Sequential(nn.EmbeddingBag(50, 32), nn.Linear(32, 16)),
)
optimizer = torch.optim.RAdam([*run.sound.parameters(), *run.words.parameters()], 5e-3)
with Inspector({"sound": run.sound, "words": run.words}) as inspector:
    for run.step in range(90):
        optimizer.zero_grad()
        sum(losses(run, *batch())).backward()
        optimizer.step()
diagnosis = inspector.diagnose()
