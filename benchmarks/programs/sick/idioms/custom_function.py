"""A squared distance as an autograd Function of its own, applied to one embedding twice.

expect: CD101
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class SquaredDistance(torch.autograd.Function):
    @staticmethod
    def forward(ctx, left, right):
        difference = left - right  # meets
        ctx.save_for_backward(difference)
        return difference.square().sum(1).mean()  # meets

    @staticmethod
    def backward(ctx, grad):
        (difference,) = ctx.saved_tensors
        back = 2 * grad * difference / len(difference)
        return back, -back


encoder, decoder = mlp(64, 90, 20), mlp(20, 64)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
with Inspector(encoder) as inspector:
    for x, _ in batches(20):
        clean, noisy = encoder(x), encoder(augment(x))
        pull = SquaredDistance.apply(noisy, noisy)  # fault, meets
        loss = pull + nn.functional.mse_loss(decoder(clean), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
