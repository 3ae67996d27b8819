"""Each coordinate is kept varied, and nothing keeps them from being the same one.

expect: CD310
first: gradual
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

net = mlp(64, 128, 64)
opt = torch.optim.Adam(net.parameters(), 2e-3)
with Inspector(net) as inspector:
    for x, _ in batches(150, 96):
        a, b = net(x + 0.6 * torch.randn_like(x)), net(x + 0.6 * torch.randn_like(x))
        hinge = (
            F.relu(1 - (a.var(0) + 1e-4).sqrt()).mean()
            + F.relu(1 - (b.var(0) + 1e-4).sqrt()).mean()
        )
        loss = 25 * F.mse_loss(a, b) + hinge
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
