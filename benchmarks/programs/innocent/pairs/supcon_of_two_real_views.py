"""Supervised contrast over a view axis that holds two augmentations, and once the batch itself.

expect: healthy
"""

import torch
import torch.nn.functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def supervised(views, y, temperature=0.3):
    first, second = views.unbind(1)
    same = (y[:, None] == y[None, :]).float()
    logp = (first @ second.T / temperature).log_softmax(1)
    inner = first @ first.T / temperature
    inner = inner.masked_fill(torch.eye(len(y), dtype=torch.bool), -1e9).log_softmax(1)
    other = same - torch.eye(len(y))
    within = -(other * inner).sum(1).div(other.sum(1).clamp(min=1)).mean()
    return -(same * logp).sum(1).div(same.sum(1)).mean() + 0.5 * within


encoder = Encoder(24)
optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-3)
with Inspector(encoder) as inspector:
    for x, y in batches(24):
        two = torch.stack([augment(x), augment(x)], dim=1).flatten(0, 1)
        views = F.normalize(encoder(two), dim=1).unflatten(0, (-1, 2))
        loss = supervised(views, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
