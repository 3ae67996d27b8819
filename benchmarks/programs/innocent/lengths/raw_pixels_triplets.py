"""Triplets of raw pixels: distances of hundreds shrink to the margin, and stay there.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

net = mlp(64, 128, 32)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
with Inspector(net) as inspector:
    for step in range(600):
        anchors = torch.randint(len(DIGITS), (48,))
        same = torch.stack(
            [torch.nonzero(LABELS == LABELS[i])[torch.randint(100, ())] for i in anchors]
        )[:, 0]
        other = torch.stack(
            [torch.nonzero(LABELS != LABELS[i])[torch.randint(1000, ())] for i in anchors]
        )[:, 0]
        a, p, n = (net(255 * DIGITS[rows]) for rows in (anchors, same, other))
        loss = F.triplet_margin_loss(a, p, n, margin=1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
