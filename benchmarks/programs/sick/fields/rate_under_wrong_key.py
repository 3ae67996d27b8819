"""Rates of the groups come from a configuration; one key is misspelt and falls back on nought.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

CONFIG = {"lr": {"backbone": 1e-3, "projection": 1e-2}, "weight_decay": 1e-4}


def groups(model, config):
    for name, child in model.named_children():
        rate = config["lr"].get(f"{name}_lr", 0.0)  # fault
        yield {"params": list(child.parameters()), "lr": rate, "name": name}


model = nn.Sequential()
model.add_module("backbone", mlp(64, 96, 48))
model.add_module("projection", nn.Linear(48, 16))
optimizer = torch.optim.SGD(groups(model, CONFIG), lr=1e-2, momentum=0.9)  # shows
with Inspector(model) as inspector:
    for x, _ in batches(30):
        a, b = model(augment(x)), model(augment(x))
        logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).mT / 0.1
        loss = F.cross_entropy(logits, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
