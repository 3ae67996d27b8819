"""W-MSE: both views are whitened by a Cholesky factor and drawn together; nothing else keeps rows apart.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def whiten(z):
    z = z - z.mean(0)
    cov = z.T @ z / (len(z) - 1) + 1e-3 * torch.eye(z.shape[1])
    return torch.linalg.solve_triangular(torch.linalg.cholesky(cov), z.T, upper=False).T


model = Encoder(16)
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(200, 128):
        w = whiten(model(torch.cat([augment(x), augment(x)])))
        a, b = F.normalize(w, dim=1).chunk(2)
        loss = (a - b).square().sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
