"""Per-sample gradients by torch.func.

expect: healthy
"""

import torch
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 32, 10)
optimizer = torch.optim.SGD(model.parameters(), 0.1)


def lf(p, x, y):
    return F.cross_entropy(functional_call(model, p, (x[None],)), y[None])


with Inspector(model) as inspector:
    for x, y in batches(30, 32):
        p = {k: v.detach() for k, v in model.named_parameters()}
        g = vmap(grad(lf), (None, 0, 0))(p, x, y)
        for k, v in model.named_parameters():
            v.grad = g[k].mean(0)
        optimizer.step()
        loss = F.cross_entropy(model(x), y)
        inspector.step(loss=loss.detach(), labels=y)
diagnosis = inspector.diagnose()
