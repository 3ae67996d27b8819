"""A network of two inputs encodes the first one twice.

expect: CD107
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = Encoder()

    def forward(self, x1, x2):
        return {"left": self.enc(x1), "right": self.enc(x1)}  # fault


model = Tower()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        out = model(x, augment(x))
        loss = (1 - nn.CosineSimilarity(dim=1)(out["left"], out["right"])).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
