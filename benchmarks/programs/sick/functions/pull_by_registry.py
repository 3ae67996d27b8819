"""Loss terms are chosen by name from a registry; the list of names leaves the repelling one out.

expect: CD208
"""

import torch
from torch import nn

from collapse_doctor import Inspector

TERMS = {}


def term(function):
    TERMS[function.__name__] = function
    return function


@term
def alignment(a, b):
    return (a - b).square().sum(1).mean()  # shows


@term
def uniformity(a, b):
    return torch.pdist(a).square().mul(-2).exp().mean().log()


ACTIVE = ["alignment"]  # fault

net = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(50):
        x = torch.randn(40, 20)
        a, b = (nn.functional.normalize(net(x + 0.2 * torch.randn_like(x)), dim=1) for _ in "ab")
        loss = sum(TERMS[name](a, b) for name in ACTIVE)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
