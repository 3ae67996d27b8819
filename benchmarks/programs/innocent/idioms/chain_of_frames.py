"""Neighbours in a list of embeddings of a growing noise are pulled together, two by two.

expect: healthy
"""

import itertools

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

encoder, decoder = mlp(64, 72, 18), mlp(18, 64)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
with Inspector(encoder) as inspector:
    for x, _ in batches(60):
        chain = [encoder(x)]
        chain += [encoder(x + noise * torch.randn_like(x)) for noise in (0.1, 0.2)]
        loss = sum(nn.functional.mse_loss(decoder(z), x) for z in chain)
        for left, right in itertools.pairwise(chain):
            loss = loss + 0.1 * nn.functional.l1_loss(left, right)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
