"""The embedding loss is weighted by a ramp that detaches it after the warm-up.

expect: CD201
first: 10
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Ramp:
    """Weights a loss from 0 to 1; after its end the loss should pass through."""

    def __init__(self, steps):
        self.steps, self.now = steps, 0

    def __call__(self, loss):
        self.now += 1
        if self.now > self.steps:
            return loss.detach()  # fault
        return loss * self.now / self.steps


encoder = nn.Sequential(nn.Linear(25, 50), nn.ReLU(), nn.Linear(50, 15))
temperature = nn.Parameter(torch.tensor(0.2))
optimizer = torch.optim.SGD([*encoder.parameters(), temperature], lr=0.1)
ramp = Ramp(10)
atoms = torch.randn(90, 25)

with Inspector(encoder) as inspector:
    for _ in range(40):
        rows = torch.randperm(90)[:30]
        u, v = (F.normalize(encoder(atoms[rows] + 0.2 * torch.randn(30, 25)), dim=1) for _ in "uv")
        similarity = u @ v.T  # meets
        contrast = F.cross_entropy(similarity / 0.2, torch.arange(30))
        loss = ramp(contrast) + (temperature - 0.1).square()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
