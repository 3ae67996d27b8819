"""A match statement chooses the branch; the target branch is a slow copy of the online network.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class TwoBranches(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = mlp(64, 80, 16)
        self.slow = copy.deepcopy(self.online).requires_grad_(False)
        self.predict = mlp(16, 32, 16)
        self.decode = nn.Linear(16, 64)

    def branch(self, x, which):
        match which:
            case "online":
                return self.online(x)
            case "target":
                return self.slow(x).detach()

    def forward(self, x):
        match [self.branch(augment(x), which) for which in ("online", "target")]:
            case [z, t]:
                return F.mse_loss(self.predict(z), t), F.mse_loss(self.decode(z), x)

    @torch.no_grad()
    def follow(self, rate=0.05):
        for slow, fast in zip(self.slow.parameters(), self.online.parameters()):
            slow.lerp_(fast, rate)


model = TwoBranches()
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
with Inspector(model.online) as inspector:
    for x, _ in batches(60):
        pull, back = model(x)
        loss = pull + back
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.follow()
diagnosis = inspector.diagnose()
