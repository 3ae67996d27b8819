"""A hinge of squared distances on the digits, from whose gap the margin is taken away.

expect: CD208
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

MARGIN = 0.5


def hinge(anchor, near, far):
    gap = (anchor - near).pow(2).sum(-1) - (anchor - far).pow(2).sum(-1)
    pull = 1 - F.cosine_similarity(anchor, near)
    return (gap - MARGIN).clamp(min=0).mean() + 0.1 * pull.mean()  # fault


net = mlp(64, 96, 16)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(150):
        anchor, near = net(augment(x)), net(augment(x))
        loss = hinge(anchor, near, near.roll(1, 0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
