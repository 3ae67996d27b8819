"""Fourteen tanh layers whose weights are drawn much too wide: gradients grow on the way down.

expect: CD204
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def init(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=1.0)  # fault
        nn.init.zeros_(module.bias)


net = nn.Sequential(
    nn.Linear(20, 64),
    nn.Tanh(),
    *[m for _ in range(12) for m in (nn.Linear(64, 64), nn.Tanh())],
    nn.Linear(64, 16),
)
net.apply(init)  # fault
opt = torch.optim.SGD(net.parameters(), lr=1e-4)
kinds = torch.randn(12, 20)
with Inspector(net) as inspector:
    for _ in range(30):
        k = torch.randint(0, 12, (48,))
        wrong = (k + torch.randint(1, 12, (48,))) % 12
        a, p, n = (net(kinds[c] + 0.2 * torch.randn(48, 20)) for c in (k, k, wrong))
        loss = F.triplet_margin_loss(a, p, n, margin=1.0)
        opt.zero_grad()
        loss.backward()  # shows
        opt.step()
diagnosis = inspector.diagnose()
