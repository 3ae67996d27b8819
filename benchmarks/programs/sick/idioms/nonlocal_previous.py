"""A closure remembers the embedding of the call before, which becomes the positive of this one.

expect: CD106
first: 1
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


def make_loss(decoder):
    previous = None

    def loss_of(z, x):
        nonlocal previous
        positive, previous = previous, z.detach()  # fault
        loss = (decoder(z) - x).pow(2).mean()
        if positive is not None:
            loss = loss + 1 - nn.functional.cosine_similarity(z, positive).mean()  # meets
        return loss

    return loss_of


encoder, decoder = mlp(64, 90, 20), mlp(20, 64)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
loss_of = make_loss(decoder)
with Inspector(encoder) as inspector:
    for x, _ in batches(20):
        loss = loss_of(encoder(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
