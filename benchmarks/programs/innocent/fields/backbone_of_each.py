"""Two towers, each with a backbone of its own.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Tower(nn.Module):
    def __init__(self, temperature=0.1):
        super().__init__()
        self.trunk = mlp(32, 48, 24)
        self.temperature = temperature

    def forward(self, x):
        return F.normalize(self.trunk(x), dim=1)


image, text = Tower(), Tower()
optimizer = torch.optim.Adam({*image.parameters(), *text.parameters()}, lr=1e-3)
with Inspector({"image": image, "text": text}) as inspector:
    for x, _ in batches(20):
        logits = image(x[:, :32]) @ text(x[:, 32:]).T / 0.1
        labels = torch.arange(len(x))
        loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
