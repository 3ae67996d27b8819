"""A squared distance as an autograd Function of its own, forwarded by *args, of two views.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class SquaredDistance(torch.autograd.Function):
    @staticmethod
    def forward(ctx, left, right):
        difference = left - right
        ctx.save_for_backward(difference)
        return difference.square().sum(1).mean()

    @staticmethod
    def backward(ctx, grad):
        (difference,) = ctx.saved_tensors
        back = 2 * grad * difference / len(difference)
        return back, -back


def distance(*views):
    return SquaredDistance.apply(*views)


encoder, decoder = mlp(64, 90, 20), mlp(20, 64)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
with Inspector(encoder) as inspector:
    for x, _ in batches(60):
        views = {"clean": encoder(x), "noisy": encoder(augment(x))}
        loss = 0.1 * distance(*views.values())
        loss = loss + nn.functional.mse_loss(decoder(views["noisy"]), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
