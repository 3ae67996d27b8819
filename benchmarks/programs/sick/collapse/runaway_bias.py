"""A bias learns a thousand times faster than the network.

expect: CD208, CD306
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class Cn(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Encoder(64)
        self.c = nn.Parameter(torch.zeros(64))

    def forward(self, x):
        return self.net(x) + self.c


model = Cn()
optimizer = torch.optim.Adam(
    [{"params": model.net.parameters(), "lr": 0.0001}, {"params": [model.c], "lr": 0.1}]
)
with Inspector(model) as inspector:
    for x, y in batches(100, 64):
        a, b = model(augment(x)), model(augment(x))
        loss = (1 - F.cosine_similarity(a, b)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
