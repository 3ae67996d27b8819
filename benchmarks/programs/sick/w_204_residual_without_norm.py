"""Thirty residual blocks with a large init and no normalisation: the gradient doubles in each.

expect: CD204
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)
        nn.init.normal_(self.linear.weight, std=0.3)  # fault

    def forward(self, x):
        return x + F.relu(self.linear(x))


body = nn.Sequential(nn.Linear(12, 32), *[Residual(32) for _ in range(30)])
head = nn.Linear(32, 4)
optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=1e-3)
centers = torch.randn(4, 12)

with Inspector(body) as inspector:
    for _ in range(25):
        y = torch.randint(0, 4, (32,))
        loss = F.cross_entropy(head(body(centers[y] + torch.randn(32, 12))), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(body.parameters(), 1.0)
        nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()

diagnosis = inspector.diagnose()
