"""The sharpness of the similarities is raised by an eighth at every step, and nothing bounds it.

expect: CD204
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Matcher(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(20, 40), nn.Tanh(), nn.Linear(40, 12))
        self.sharpness = 1.0

    def forward(self, x):
        return F.normalize(self.encode(x), dim=-1)

    def loss(self, a, b):
        scores = torch.matmul(a, b.transpose(0, 1))
        return F.cross_entropy(scores * self.sharpness, torch.arange(len(a)))  # meets

    def anneal(self):
        self.sharpness = self.sharpness * 1.13  # fault


matcher = Matcher()
optimizer = torch.optim.Adam(matcher.parameters(), lr=1e-3)
with Inspector(matcher) as inspector:
    for step in range(80):
        s = torch.randn(40, 20)
        a, b = matcher(s), matcher(s + 0.8 * torch.randn(40, 20))
        loss = matcher.loss(a, b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        matcher.anneal()
diagnosis = inspector.diagnose()
