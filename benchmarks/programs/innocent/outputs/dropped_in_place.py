"""Activations and masks work in place, on views that were made apart and keep their names.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


def drop(states, rate):
    return states.masked_fill_(torch.rand(states.shape) < rate, 0.0)


encoder, decoder = mlp(64, 80, 24), nn.Linear(24, 64)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
with Inspector(encoder) as inspector:
    for image, _ in batches(40):
        states = encoder(image)
        one, other = drop(states.clone(), 0.1), drop(states.clone(), 0.1)
        states = F.leaky_relu_(states, 0.1)
        loss = F.mse_loss(decoder(states), image)
        alike = F.normalize(one, dim=1) @ F.normalize(other, dim=1).T
        loss = loss + 0.1 * F.cross_entropy(alike / 0.2, torch.arange(len(alike)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
