"""The contrastive loss of a tutorial, on two passes of the same half of the batch.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, output1, output2, label):
        d = F.pairwise_distance(output1, output2, keepdim=True)  # meets
        return torch.mean((1 - label) * d**2 + label * torch.clamp(self.margin - d, min=0) ** 2)


model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
criterion = ContrastiveLoss()
with Inspector(model) as inspector:
    for x, y in batches(size=64):
        o1, o2 = model(x[:32]), model(x[:32])  # fault
        loss = criterion(o1, o2, (y[:32] != y[32:]).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
