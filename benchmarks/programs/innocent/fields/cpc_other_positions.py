"""CPC on waves: distractors are drawn from any position of the same wave.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Speech(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.frames = nn.Sequential(nn.Conv1d(1, 32, 8, 4), nn.GELU(), nn.Conv1d(32, width, 4, 2))
        self.context = nn.GRU(width, width, batch_first=True)

    def forward(self, wave):
        z = self.frames(wave[:, None]).transpose(1, 2)
        return z, self.context(z)[0]


def distractors(z, count=10):
    rows, length, width = z.shape
    positions = torch.randint(0, length, (length * count,))
    return z[:, positions].view(rows, length, count, width)


def info_nce(context, z, ahead=1):
    c, target = context[:, :-ahead], z[:, ahead:]
    others = distractors(target)
    positive = F.cosine_similarity(c, target, dim=-1).unsqueeze(-1)
    negative = F.cosine_similarity(c.unsqueeze(2), others, dim=-1)
    logits = torch.cat([positive, negative], -1).flatten(0, 1) / 0.1
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))


model = Speech()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
with Inspector(model.frames) as inspector:
    for _ in range(25):
        pitch = torch.rand(16, 1) * 20 + 5
        wave = torch.sin(pitch * torch.linspace(0, 6.28, 160)) + 0.1 * torch.randn(16, 160)
        z, context = model(wave)
        loss = info_nce(context, z)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
