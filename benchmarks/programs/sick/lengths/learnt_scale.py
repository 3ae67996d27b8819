"""A learnt scale of the output: shrinking it is the cheapest way to bring pairs together.

expect: CD308
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(64, 96, 40)
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return F.normalize(self.net(x), dim=-1) * self.log_scale.exp()


model = Scaled()
optimizer = torch.optim.RMSprop(
    [
        {"params": model.net.parameters(), "lr": 1e-4},
        {"params": [model.log_scale], "lr": 1e-2},
    ],
    alpha=0.9,
)
by_class = [DIGITS[LABELS == k] for k in range(10)]
with Inspector(model) as inspector:
    for i in range(700):
        rows = by_class[i % 10]
        chosen = torch.randint(len(rows), (2, 48))
        a, b = model(rows[chosen[0]]), model(rows[chosen[1]])
        distances = (a - b).square().sum(-1)
        loss = distances.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss)
diagnosis = inspector.diagnose()
