"""A siamese network classifies the difference of its embeddings.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = mlp(64, 64, 32)
        self.c = nn.Linear(32, 1)

    def forward(self, a, b):
        return self.c((self.f(a) - self.f(b)).abs()).squeeze(-1)


model = Siamese()
optimizer = torch.optim.RMSprop(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(150, 64):
        a, b = x[:32], x[32:]
        t = (y[:32] == y[32:]).float()
        loss = F.binary_cross_entropy_with_logits(model(a, b), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t)
diagnosis = inspector.diagnose()
