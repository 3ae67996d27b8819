"""Columns in dollars and years go unscaled into tanh layers.

expect: CD314
"""

import torch
from torch import nn

from collapse_doctor import Inspector

people = torch.stack(
    [
        torch.rand(800) * 9e4 + 1e4,
        torch.rand(800) * 60 + 18,
        torch.rand(800) * 3e5,
        torch.rand(800),
    ],
    1,
)
segment = (people[:, 1] > 45).long() + 2 * (people[:, 3] > 0.5).long()


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 32), nn.Linear(32, 8)

    def forward(self, x):
        h = torch.tanh(self.a(x))  # shows
        return self.b(h)


net = MLP()
opt = torch.optim.Adam(net.parameters(), 1e-3)
loss_fn = nn.TripletMarginLoss()
with Inspector(net) as inspector:
    for step in range(100):
        c = torch.randint(4, (32,))
        pick = lambda k: torch.stack(
            [people[segment == int(s)][torch.randint(50, ()).item()] for s in k]
        )
        a, p, n = net(pick(c)), net(pick(c)), net(pick((c + 1) % 4))
        loss = loss_fn(a, p, n)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
