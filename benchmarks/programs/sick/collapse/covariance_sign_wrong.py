"""The covariance term has the wrong sign.

expect: CD302
first: gradual
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder(64)
optimizer = torch.optim.Adam(model.parameters(), 0.003)
with Inspector(model) as inspector:
    for x, y in batches(400, 128):
        a, b = model(augment(x)), model(augment(x))
        std = torch.sqrt(a.var(0) + 0.0001).mean()
        c = (a - a.mean(0)).T @ (a - a.mean(0)) / len(a)
        loss = (
            F.mse_loss(a, b)
            - 0.05 * c.abs().mean() / c.diagonal().mean().detach()
            + F.relu(1 - std)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
