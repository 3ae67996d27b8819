"""Scores by einsum of embeddings that were divided by the lengths of their columns.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def lengths(z):
    return torch.linalg.vector_norm(z, dim=0)  # fault


def scores(a, b, temperature=0.2):
    a = a / lengths(a)  # fault
    b = b / lengths(b)  # fault
    return torch.einsum("ik,jk->ij", a, b) / temperature  # meets


net = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        x = torch.randn(50, 16)
        logits = scores(net(x), net(x + 0.2 * torch.randn(50, 16)))
        loss = nn.functional.cross_entropy(logits, torch.arange(50))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
