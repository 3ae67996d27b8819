"""VICReg on pixels from 0 to 255: lengths fall to what its variance term asks for.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def spread(z):
    return F.relu(1 - torch.sqrt(z.var(0) + 1e-4)).mean()


def covariance(z):
    z = z - z.mean(0)
    c = z.T @ z / (len(z) - 1)
    return (c - torch.diag(c.diagonal())).pow(2).sum() / z.shape[1]


model = mlp(64, 128, 32)
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(500, 96):
        a, b = model(255 * augment(x)), model(255 * augment(x))
        loss = 25 * F.mse_loss(a, b) + 25 * (spread(a) + spread(b)) + covariance(a) + covariance(b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
