"""A siamese network overwrites its second embedding inside forward().

expect: CD101
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = Encoder()

    def forward(self, a, b):
        ea = self.enc(a)
        eb = self.enc(b)
        eb = ea  # fault
        return F.pairwise_distance(ea, eb)  # meets


model = Siamese()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        loss = model(x, augment(x)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
