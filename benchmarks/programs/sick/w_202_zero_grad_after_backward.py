"""zero_grad between backward and step: every step is taken with gradients of zero.

expect: CD202
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def train(model, optimizer, loader):
    for a, b, target in loader:
        output = F.cosine_embedding_loss(model(a), model(b), target, margin=0.3)
        output.backward()
        optimizer.zero_grad(set_to_none=False)  # fault
        optimizer.step()


def loader(n):
    base = torch.randn(60, 19)
    for _ in range(n):
        i, j = torch.randint(0, 60, (2, 40))
        j = torch.where(torch.rand(40) < 0.5, i, j)
        target = (i == j).float() * 2 - 1
        yield base[i] + 0.2 * torch.randn(40, 19), base[j] + 0.2 * torch.randn(40, 19), target


model = nn.Sequential(nn.Linear(19, 57), nn.ReLU(), nn.Linear(57, 19))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
with Inspector(model) as inspector:
    train(model, optimizer, loader(40))

diagnosis = inspector.diagnose()
