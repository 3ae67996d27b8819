"""A GRU over packed sequences.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class P(nn.Module):
    def __init__(self):
        super().__init__()
        self.r = nn.GRU(8, 24, batch_first=True)

    def forward(self, x, n):
        return self.r(
            nn.utils.rnn.pack_padded_sequence(x, n, batch_first=True, enforce_sorted=False)
        )


model = P()
c = nn.Linear(24, 10)
optimizer = torch.optim.Adam([*model.parameters(), *c.parameters()], 0.003)
with Inspector(model) as inspector:
    for x, y in batches(120, 32):
        n = torch.randint(3, 9, (32,))
        p, h = model(x.view(-1, 8, 8), n)
        loss = F.cross_entropy(c(h[-1]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
