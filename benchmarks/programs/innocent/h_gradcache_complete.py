"""Gradient caching in full: embedded under no_grad, the loss on leaves, then a second pass with gradient.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def loss_fn(q, d):
    return F.cross_entropy(
        F.normalize(q, dim=-1) @ F.normalize(d, dim=-1).T / 0.2, torch.arange(len(q))
    )


def step(model, q, d, optimizer, chunk=16):
    with torch.no_grad():
        cached = [torch.cat([model(c) for c in side.split(chunk)]) for side in (q, d)]
    leaves = [c.detach().requires_grad_() for c in cached]
    loss = loss_fn(*leaves)
    optimizer.zero_grad()
    loss.backward()
    for side, leaf in zip((q, d), leaves):
        for part, grad in zip(side.split(chunk), leaf.grad.split(chunk)):
            rep = model(part)
            torch.dot(rep.flatten(), grad.flatten()).backward()
    optimizer.step()


mix = torch.randn(10, 24)
model = nn.Sequential(nn.Linear(24, 64), nn.Tanh(), nn.Linear(64, 20))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
with Inspector(model) as inspector:
    for _ in range(40):
        s = torch.randn(64, 10)
        step(
            model,
            s @ mix + 0.2 * torch.randn(64, 24),
            s @ mix + 0.2 * torch.randn(64, 24),
            optimizer,
        )
diagnosis = inspector.diagnose()
