"""MAML: the second pass runs with updated parameters.

expect: healthy
"""

import torch
from torch.func import functional_call
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 32, 10)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(40, 64):
        p = dict(model.named_parameters())
        l0 = F.cross_entropy(model(x[:32]), y[:32])
        g = torch.autograd.grad(l0, p.values(), create_graph=True)
        p2 = {k: v - 0.1 * q for (k, v), q in zip(p.items(), g)}
        loss = F.cross_entropy(functional_call(model, p2, (x[32:],)), y[32:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y[32:])
diagnosis = inspector.diagnose()
