"""Adversarial examples that start at the clean input.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
with Inspector(model) as inspector:
    for x, y in batches(60, 32):
        clean = model(x)
        xa = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(xa), y), xa)
        xa = (x + 0.05 * g.sign()).detach()
        adv = model(xa)
        loss = F.cross_entropy(clean, y) + F.mse_loss(adv, clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
