"""The positive is the anchor times a number; a trainer calls the parts of a nested model.

expect: CD105
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 48))

    def forward(self, x):
        return {"features": self.layers(x)}


class Task(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.ModuleDict({"backbone": Backbone(), "head": nn.Linear(48, 24)})

    def losses(self, x, other):
        anchor = self.model["head"](self.model["backbone"](x)["features"])
        positive = 0.5 * anchor  # fault
        negative = self.model["head"](self.model["backbone"](other)["features"])
        return F.relu(
            F.cosine_similarity(anchor, negative) - F.cosine_similarity(anchor, positive) + 0.2
        ).mean()


X = torch.tensor(load_digits().data).float() / 16
task = Task()
opt = torch.optim.Adam(task.parameters(), 1e-3)
with Inspector(task) as inspector:
    for _ in range(50):
        i, j = torch.randint(len(X), (2, 32))
        opt.zero_grad()
        task.losses(X[i], X[j]).backward()
        opt.step()
diagnosis = inspector.diagnose()
