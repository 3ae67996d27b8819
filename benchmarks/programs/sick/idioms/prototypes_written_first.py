"""A ParameterList of prototypes is overwritten by the batch's means before these are pulled to it.

expect: CD103
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Prototypical(nn.Module):
    def __init__(self, classes=10, width=24):
        super().__init__()
        self.body = mlp(64, 96, width)
        self.head = nn.Linear(width, classes)
        self.prototypes = nn.ParameterList(
            nn.Parameter(torch.randn(width), requires_grad=False) for _ in range(classes)
        )

    def forward(self, x):
        return self.body(x)

    def pull(self, z, y):
        means = torch.stack([z[y == c].mean(0) for c in y.unique()])
        for prototype, mean in zip((self.prototypes[c] for c in y.unique()), means):
            prototype.data.copy_(mean)  # fault
        held = torch.stack([self.prototypes[c] for c in y.unique()])  # fault
        return (1 - F.cosine_similarity(means, held)).mean()  # meets


model = Prototypical()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, y in batches(20, 64):
        z = model(x)
        loss = F.cross_entropy(model.head(z), y) + 0.5 * model.pull(z, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
