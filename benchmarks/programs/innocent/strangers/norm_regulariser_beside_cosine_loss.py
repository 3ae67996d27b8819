"""The raw vector and its unit vector both enter the loss, but never against each other: one is kept short, the other is compared.

expect: healthy
"""

from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Encoded(NamedTuple):
    raw: torch.Tensor
    unit: torch.Tensor
    length: torch.Tensor


class KeystrokeEncoder(nn.Module):
    def __init__(self, keys=30, out=22):
        super().__init__()
        self.key = nn.Embedding(keys, 16)
        self.lstm = nn.LSTM(18, 48, batch_first=True)
        self.out = nn.Linear(96, out)

    def forward(self, keys, timing):
        h, _ = self.lstm(torch.cat([self.key(keys), timing], dim=-1))
        raw = self.out(torch.cat([h.mean(1), h[:, -1]], dim=-1))
        length = raw.norm(dim=-1, keepdim=True)
        return Encoded(raw, raw / length.clamp(min=1e-6), length)


def typists(n, habit):
    who = torch.randperm(len(habit))[:n]
    sessions = []
    for _ in range(2):
        keys = torch.randint(0, 30, (n, 15))
        timing = habit[who][torch.arange(n)[:, None], keys] + 0.2 * torch.randn(n, 15, 2)
        sessions.append((keys, timing))
    return sessions


def circle_like(s_pos, s_neg, gamma=8.0, m=0.25):
    weight_p, weight_n = F.relu(1 + m - s_pos.detach()), F.relu(s_neg.detach() + m)
    lp = -gamma * weight_p * (s_pos - (1 - m))
    ln = gamma * weight_n * (s_neg - m)
    return F.softplus(torch.logsumexp(ln, dim=1) + lp).mean()


habit = torch.randn(90, 1, 2) + 0.5 * torch.randn(90, 30, 2)
model = KeystrokeEncoder()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
with Inspector(model) as inspector:
    for step in range(50):
        one, two = (model(*session) for session in typists(44, habit))
        cos = one.unit @ two.unit.T
        off = ~torch.eye(44, dtype=torch.bool)
        loss = circle_like(cos.diagonal(), cos[off].view(44, 43))
        for e in (one, two):
            loss = loss + 0.02 * (e.length - 3).pow(2).mean() + 1e-4 * e.raw.pow(2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
