"""A quantiser of one's own lets the gradient pass where |x| is both above and below one: nowhere.

expect: CD201
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Binary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * ((x > 1) & (x < -1))  # fault


net, head = mlp(64, 64, 16), nn.Linear(16, 10)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    for x, y in batches(25):
        bits = Binary.apply(net(augment(x)))  # shows
        loss = F.cross_entropy(head(bits), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
