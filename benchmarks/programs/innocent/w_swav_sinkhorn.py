"""SwAV: codes by Sinkhorn-Knopp, which normalises rows and columns in turn.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


@torch.no_grad()
def sinkhorn(scores, epsilon=0.05, rounds=3):
    q = torch.exp(scores / epsilon).T
    q /= q.sum()
    k, b = q.shape
    for _ in range(rounds):
        q /= q.sum(dim=1, keepdim=True)
        q /= k
        q /= q.sum(dim=0, keepdim=True)
        q /= b
    return (q * b).T


encoder = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 16))
prototypes = nn.Linear(16, 24, bias=False)
optimizer = torch.optim.Adam([*encoder.parameters(), *prototypes.parameters()], lr=2e-3)
means = 2 * torch.randn(24, 24)

with Inspector(encoder) as inspector:
    for _ in range(50):
        with torch.no_grad():
            prototypes.weight.copy_(F.normalize(prototypes.weight, dim=1))
        x = means[torch.randint(0, 24, (96,))] + 0.5 * torch.randn(96, 24)
        views = [x + 0.4 * torch.randn_like(x) for _ in range(2)]
        p1, p2 = (prototypes(F.normalize(encoder(v), dim=1)) for v in views)
        q1, q2 = sinkhorn(p1.detach()), sinkhorn(p2.detach())
        loss = -(q1 * (p2 / 0.1).log_softmax(1)).sum(1).mean()
        loss = loss - (q2 * (p1 / 0.1).log_softmax(1)).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
