"""A transformer with time first, pooled outside.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.p = nn.Linear(8, 32)
        self.t = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(32, 4, 64, 0.1), 2, enable_nested_tensor=False
        )

    def forward(self, x):
        return self.t(self.p(x))


model = Encoder()
c = nn.Linear(32, 10)
optimizer = torch.optim.Adam([*model.parameters(), *c.parameters()], 0.002)
with Inspector(model) as inspector:
    for x, y in batches(250, 64):
        loss = F.cross_entropy(c(model(x.view(-1, 8, 8).transpose(0, 1)).mean(0)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss)
diagnosis = inspector.diagnose()
