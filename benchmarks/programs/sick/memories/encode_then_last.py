"""encode() gives the embedding, and the last batch's one is its target.

expect: CD106
first: 1
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Encoder()

    def encode(self, x):
        return self.net(x)

    def forward(self, x):
        return self.encode(x)


model = AE()
optimizer = torch.optim.Adam(model.parameters())
last = None
with Inspector(model) as inspector:
    for x, _ in batches():
        e1 = model.encode(x)
        if last is None:
            last = torch.randn_like(e1)
        loss = 1 - F.cosine_similarity(e1, last).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last = e1.detach()  # fault
diagnosis = inspector.diagnose()
