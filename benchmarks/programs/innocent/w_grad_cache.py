"""GradCache: embeds under no_grad, takes the loss's gradient at the vectors, then runs again.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def info_nce(a, b, t=0.1):
    scores = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / t
    return F.cross_entropy(scores, torch.arange(len(a)))


class CachedLoss:
    def __init__(self, model, chunk):
        self.model, self.chunk = model, chunk

    def __call__(self, left, right):
        chunks = [x.split(self.chunk) for x in (left, right)]
        with torch.no_grad():
            reps = [torch.cat([self.model(c) for c in side]) for side in chunks]
        reps = [r.detach().requires_grad_() for r in reps]
        loss = info_nce(*reps)
        loss.backward()
        for side, rep in zip(chunks, reps, strict=True):
            for c, g in zip(side, rep.grad.split(self.chunk), strict=True):
                torch.dot(self.model(c).flatten(), g.flatten()).backward()
        return loss.detach()


model = nn.Sequential(nn.Linear(24, 64), nn.GELU(), nn.Linear(64, 16))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
cached = CachedLoss(model, chunk=16)
base = torch.randn(400, 24)
with Inspector(model) as inspector:
    for _ in range(40):
        x = base[torch.randint(0, 400, (64,))]
        optimizer.zero_grad()
        cached(x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x))
        optimizer.step()

diagnosis = inspector.diagnose()
