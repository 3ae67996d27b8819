"""Arguments are forwarded by *args and **kwargs down to the loss; they were one thing above.

expect: CD101
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def timed(function, *args, **kwargs):
    return function(*args, **kwargs)


def agreement(*views, reduction="mean"):
    return timed(nn.functional.mse_loss, *views, reduction=reduction)  # meets


net, back = mlp(64, 70, 14), mlp(14, 64)
optimizer = torch.optim.Adam([*net.parameters(), *back.parameters()], lr=2e-3)
with Inspector(net) as inspector:
    for x, _ in batches(20):
        h, h_aug = net(x), net(augment(x))
        loss = agreement(h, h)  # fault
        loss = loss + nn.functional.mse_loss(back(h_aug), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
