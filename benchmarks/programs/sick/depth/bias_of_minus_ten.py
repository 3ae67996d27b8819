"""The biases of a hidden layer start at -10, so that its ReLUs give zero for every input.

expect: CD314
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

net = nn.Sequential(
    nn.Linear(64, 128),
    nn.ReLU(inplace=True),
    nn.Linear(128, 128),
    nn.ReLU(inplace=True),
    nn.Linear(128, 32),
)
nn.init.constant_(net[2].bias, -10.0)  # fault
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, y in batches(40, 64):
        a, b = net(augment(x)), net(augment(x))
        loss = F.cross_entropy(F.normalize(a) @ F.normalize(b).T / 0.2, torch.arange(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
