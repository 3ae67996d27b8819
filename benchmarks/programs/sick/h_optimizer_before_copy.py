"""The optimizer is made before the model is copied; the copy is trained, the original is moved.

expect: CD202
"""

import copy

import torch
from torch import nn

from collapse_doctor import Inspector


def setup():
    model = nn.Sequential(nn.Linear(18, 50), nn.ELU(), nn.Linear(50, 14))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)  # fault
    model = copy.deepcopy(model).float()  # fault
    return model, optimizer


def batches(count):
    basis = torch.randn(6, 18)
    for _ in range(count):
        s = torch.randn(56, 6)
        yield s @ basis + 0.2 * torch.randn(56, 18), s @ basis + 0.2 * torch.randn(56, 18)


def loss_of(a, b):
    d = torch.cdist(a, b)
    pos = d.diagonal()
    neg = (d + 1e3 * torch.eye(len(d))).amin(1)
    return torch.relu(pos - neg + 1).mean()


model, optimizer = setup()
with Inspector(model) as inspector:
    for a, b in batches(30):
        optimizer.zero_grad()
        model.zero_grad()
        loss_of(model(a), model(b)).backward()
        optimizer.step()  # shows
diagnosis = inspector.diagnose()
