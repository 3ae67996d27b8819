"""The encoder writes every output into one buffer: the second view overwrites the first.

expect: CD109
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Buf(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(64, 32)
        self.register_buffer("out", torch.zeros(32, 32))

    @torch.no_grad()
    def forward(self, x):
        self.out.copy_(self.lin(x))  # fault
        return self.out


model = Buf()
head = nn.Linear(32, 8)
optimizer = torch.optim.Adam(head.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        a = model(x)
        b = model(augment(x))
        s = F.cosine_similarity(a, b)  # meets
        loss = F.mse_loss(head(a), head(b))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
