"""Hidden layers in a Python list: the optimizer knows nothing but the temperature.

expect: CD202
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = [nn.Linear(i, o) for i, o in pairwise(sizes)]  # fault
        self.log_temperature = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return F.normalize(self.layers[-1](x), dim=1)


model = Encoder([28, 56, 56, 14])
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
objects = torch.randn(64, 28)

with Inspector(model) as inspector:
    for _ in range(35):
        rows = torch.randperm(64)[:32]
        one, two = (model(objects[rows] + 0.3 * torch.randn(32, 28)) for _ in range(2))
        loss = F.cross_entropy(model.log_temperature.exp() * one @ two.T, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
