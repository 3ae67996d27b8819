"""Similarities in a row are held against targets in a column: every pair against every target.

expect: CD205
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()

    def forward(self, one, other):
        return F.cosine_similarity(self.encoder(one), self.encoder(other))


model = Pair()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(30, size=64):
        same = (y[:32] == y[32:]).float().unsqueeze(1)  # fault
        loss = F.mse_loss(model(x[:32], x[32:]), same)  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
