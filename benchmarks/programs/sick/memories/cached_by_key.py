"""Positives are looked up in a dictionary, which is asked first and never emptied.

expect: CD106
first: 6
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class Pairs:
    def __init__(self, encoder):
        self.encoder = encoder
        self.cache = {}

    def positive(self, key, x):
        if key not in self.cache:
            self.cache[key] = self.encoder(augment(x)).detach()  # fault
        return self.cache[key]


encoder, decoder = Encoder(), nn.Linear(32, 64)
pairs = Pairs(encoder)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
epoch = list(batches(6))
with Inspector(encoder) as inspector:
    for _ in range(8):
        for number, (x, _y) in enumerate(epoch):
            z = encoder(x)
            near = F.mse_loss(z, pairs.positive(number, x))  # meets
            loss = near + F.mse_loss(decoder(z), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
