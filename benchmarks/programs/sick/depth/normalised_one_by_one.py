"""LayerNorm over a dimension of size one: each feature is its own mean, and nothing is left.

expect: CD311
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class PerFeatureNorm(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.norm = nn.LayerNorm(1)
        self.lift = nn.Linear(features, features)

    def forward(self, x):
        return self.lift(self.norm(x.unsqueeze(-1)).squeeze(-1))  # fault


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 80)
        self.second = PerFeatureNorm(80)
        self.head = nn.Linear(80, 10)

    def forward(self, x):
        h = F.leaky_relu(self.first(x))
        h = F.leaky_relu(self.second(h))
        return self.head(h)


model = Classifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
with Inspector(model) as watch:
    for inputs, targets in batches(60):
        optimizer.zero_grad()
        criterion(model(inputs), targets).backward()
        optimizer.step()
diagnosis = watch.diagnose()
