"""Twenty tanh layers drawn orthogonal with the gain of another activation, and four times it.

expect: CD204
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Deep(nn.Module):
    def __init__(self, depth=20, width=48):
        super().__init__()
        self.enter = nn.Linear(64, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.leave = nn.Linear(width, 16)
        for layer in self.layers:
            nn.init.orthogonal_(layer.weight, gain=4 * nn.init.calculate_gain("relu"))  # fault

    def forward(self, x):
        h = torch.tanh(self.enter(x))
        for layer in self.layers:
            h = torch.tanh(layer(h))
        return self.leave(h)


model = Deep()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
with Inspector(model) as inspector:
    for x, _ in batches(30):
        a, b = F.normalize(model(augment(x))), F.normalize(model(augment(x)))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
