"""Masked and disturbed in place, each on a copy of its own, and standardised in place for both.

expect: healthy
"""

import torch
import torch.nn.functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


def hide(rows, share=0.4):
    hidden = torch.rand_like(rows) < share
    rows[hidden] = 0.0
    return rows, hidden


def standardised(rows):
    rows -= rows.mean(0)
    return rows.div_(rows.std(0) + 0.1)


net = mlp(64, 50, 10, 50, 64)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for x, _ in batches(30):
        clean = standardised(x)
        masked, hidden = hide(x.clone())
        noisy = clean.clone().add_(0.2 * torch.randn(x.shape))
        restored = net(masked)
        loss = F.mse_loss(restored[hidden], x[hidden]) + F.mse_loss(net(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
