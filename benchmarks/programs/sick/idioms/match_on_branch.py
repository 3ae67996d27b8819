"""A match statement chooses the branch; its target branch is the online network without gradient.

expect: CD103
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class TwoBranches(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = mlp(64, 80, 16)
        self.predict = mlp(16, 64)

    def branch(self, x, which):
        match which:
            case "online":
                return self.online(x)
            case "target":
                return self.online(x).detach()  # fault
            case _:
                raise ValueError(which)

    def forward(self, x):
        match [self.branch(x, which) for which in ("online", "target")]:  # fault
            case [z, t]:
                return F.huber_loss(z, t), self.predict(z)  # meets


model = TwoBranches()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model.online) as inspector:
    for x, _ in batches(20):
        pull, back = model(x)
        loss = pull + F.mse_loss(back, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
