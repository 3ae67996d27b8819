"""A cosine helper divides its arguments in place; the Euclidean term after it sees unit vectors.

expect: CD109
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def cosine(a, b):
    a.div_(a.detach().norm(dim=1, keepdim=True))  # fault
    b.div_(b.detach().norm(dim=1, keepdim=True))  # fault
    return torch.einsum("ij,ij->i", a, b)


encoder = nn.Sequential(nn.Linear(17, 34), nn.Tanh(), nn.Linear(34, 17))
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.05)
templates = 2 * torch.randn(120, 17)

with Inspector(encoder) as inspector:
    for _ in range(30):
        ids = torch.randint(0, 120, (30,))
        anchor = encoder(templates[ids] + 0.3 * torch.randn(30, 17))
        positive = encoder(templates[ids] + 0.3 * torch.randn(30, 17))
        angular = 1 - cosine(anchor, positive)
        negative = positive.roll(1, 0)
        ranking = F.triplet_margin_loss(anchor, positive, negative, margin=5.0)  # meets
        loss = angular.mean() + ranking
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
