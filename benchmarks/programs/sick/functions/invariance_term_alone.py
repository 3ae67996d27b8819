"""Of a loss of three terms (invariance, variance, covariance) two have the weight 0.

expect: CD208
first: 0
"""

import torch
from torch import nn

from benchmarks.programs.common import DIGITS, augment, batches
from collapse_doctor import Inspector

WEIGHTS = {"invariance": 25.0, "variance": 0.0, "covariance": 0.0}  # fault


def invariance(a, b):
    return (a - b).pow(2).mean()  # shows # meets


def regularised(a, b):
    terms = {"invariance": lambda: invariance(a, b)}
    return sum(WEIGHTS[name] * term() for name, term in terms.items() if WEIGHTS[name])


def build(width=96, out=48):
    return nn.Sequential(nn.Linear(64, width), nn.ELU(), nn.Linear(width, out))


def fit(model, steps=300):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for x, _ in batches(steps, 64):
        order = torch.randperm(len(x))
        loss = regularised(model(augment(x)), model(augment(x[order])))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


model = build()
with Inspector(model, probe=DIGITS[:128]) as inspector:
    fit(model)
diagnosis = inspector.diagnose()
