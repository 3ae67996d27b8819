"""A siamese network whose `forward` takes a mask that it does not need.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.drop = Encoder(), nn.Dropout(0.3)

    def forward(self, left, right, mask):
        return self.drop(self.encoder(left)), self.drop(self.encoder(right))


model = Siamese()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches(30):
        a, b = model(x, augment(x), torch.ones(len(x)))
        near = F.pairwise_distance(a, b).pow(2)
        far = F.relu(1 - F.pairwise_distance(a, b.roll(1, 0))).pow(2)
        loss = (near + far).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
