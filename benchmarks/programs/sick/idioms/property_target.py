"""The target is a property, and returns what was just kept: this step's embedding.

expect: CD103
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Remembering:
    def __init__(self, encoder):
        self.encoder = encoder
        self._states = []

    def embed(self, x):
        z = self.encoder(x)
        self._states.append(z)
        del self._states[:-2]
        return z

    @property
    def target(self):
        return self._states[-1].detach()  # fault


encoder, decoder = Encoder(), nn.Linear(32, 64)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
memory = Remembering(encoder)
with Inspector(encoder) as inspector:
    for x, _ in batches(20):
        z = memory.embed(x)
        loss = F.mse_loss(decoder(z), x)
        loss += F.mse_loss(z, memory.target)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
