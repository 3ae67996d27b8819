"""Triplets mined in the batch, semi-hard.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = nn.Sequential(mlp(64, 128, 32), nn.Identity())
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(250, 48):
        z = F.normalize(model(x), dim=1)
        d = torch.cdist(z, z)
        same = y[:, None] == y[None]
        eye = torch.eye(48, dtype=torch.bool)
        ap = d.masked_fill(~same | eye, -1).argmax(1)
        dap = d.gather(1, ap[:, None])
        ok = ~same & (d > dap)
        an = torch.where(
            ok.any(1), d.masked_fill(~ok, 9).argmin(1), d.masked_fill(same, 9).argmin(1)
        )
        loss = F.triplet_margin_loss(z, z[ap], z[an], margin=0.2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
