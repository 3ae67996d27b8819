"""Probabilities of two hundred labels that are nearly all absent; the loss is inside the model.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

present = torch.randn(40, 200) / 40**0.5


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 64))
        self.tags = nn.Linear(64, 200)
        nn.init.constant_(self.tags.bias, -7.0)

    def forward(self, x, y=None):
        z = self.embed(x)
        p = torch.sigmoid(self.tags(z))
        if y is None:
            return p
        margin = F.relu(0.01 - (z - z.roll(1, 0)).square().mean(1, keepdim=True))
        return z, F.binary_cross_entropy(p, y) + margin.mean()


model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for _ in range(120):
        x = torch.randn(64, 40)
        y = (x @ present > 2.6).float()
        _, loss = model(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
