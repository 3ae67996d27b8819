"""Neighbours in a list of embeddings are pulled together; the list was extended by itself.

expect: CD101
"""

import itertools

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

encoder, decoder = mlp(64, 72, 18), mlp(18, 64)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
with Inspector(encoder) as inspector:
    for x, _ in batches(20):
        z = encoder(augment(x))
        chain = [z]
        chain += [z]  # fault
        loss = nn.functional.mse_loss(decoder(z), x)
        for left, right in itertools.pairwise(chain):
            loss = loss + nn.functional.l1_loss(left, right)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
