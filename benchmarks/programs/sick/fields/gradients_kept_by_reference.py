"""Gradients of two tasks are gathered by hand: what is kept is the very memory that is zeroed next.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

net, head = mlp(64, 64, 16), nn.Linear(16, 10)
parameters = [*net.parameters(), *head.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.1)
with Inspector(net) as inspector:
    for x, y in batches(25):
        kept = []
        tasks = (
            lambda: F.cross_entropy(head(net(x)), y),
            lambda: (
                F.mse_loss(net(augment(x)), net(x).detach())
                + 0 * head.weight.sum()
                + 0 * head.bias.sum()
            ),
        )
        for task in tasks:
            optimizer.zero_grad(set_to_none=False)
            task().backward()
            kept.append([p.grad for p in parameters])
            optimizer.zero_grad(set_to_none=False)  # fault
        for p, *grads in zip(parameters, *kept, strict=True):
            p.grad = sum(grads)
        optimizer.step()
diagnosis = inspector.diagnose()
