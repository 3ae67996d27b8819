"""The training calls encode(), never forward(), and compares its result with itself.

expect: CD101
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
with Inspector(model) as inspector:
    for x, _ in batches():
        e1 = model.encode(x)
        e2 = e1  # fault
        loss = 1 - F.cosine_similarity(e1, e2).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
