"""A curriculum keeps negatives for the first epochs only; from step 20 on pairs are only drawn together.

expect: CD208
first: 20
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Curriculum:
    def __init__(self, stages):
        self.stages = stages

    def at(self, step):
        return next(settings for end, settings in self.stages if step < end)


torch.manual_seed(11)
curriculum = Curriculum(
    [
        (20, {"pull": 1.0, "push": 1.0}),
        (999, {"pull": 1.0, "push": 0.0}),  # fault
    ]
)
net = nn.Sequential(nn.Linear(20, 50), nn.GELU(), nn.Linear(50, 20))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
users = torch.randn(80, 20)
with Inspector(net) as inspector:
    for step in range(64):
        weights = curriculum.at(step)
        pick = torch.randperm(80)[:40]
        a, b = (net(users[pick] + 0.6 * torch.randn(40, 20)) for _ in range(2))
        near = (1 - F.cosine_similarity(a, b)).mean()
        far = F.relu(F.cosine_similarity(a, b.roll(1, 0))).mean()
        loss = weights["pull"] * near + weights["push"] * far  # meets  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
