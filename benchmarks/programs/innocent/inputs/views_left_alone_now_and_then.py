"""An augmentation that is left out for a third of the batches, for both views at once.

expect: healthy
"""

import random

import torch
import torch.nn.functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

random.seed(4)
encoder = Encoder(24)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for x, _ in batches(60):
        plain = random.random() < 0.33
        one, two = (x.clone() if plain else augment(x) for _ in range(2))
        a, b = F.normalize(encoder(one)), F.normalize(encoder(two))
        loss = F.cross_entropy(a @ b.T / 0.3, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
