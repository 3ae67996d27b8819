"""Nine quantiles of one number; the pinball loss holds the one against all nine.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

tau = torch.linspace(0.1, 0.9, 9)


def pinball(q, y):
    e = y[:, None] - q
    return torch.where(e >= 0, tau * e, (tau - 1) * e).sum(1).mean()


def sample(n):
    x = torch.randn(n, 5)
    return x, 4 * x[:, 0] + 2 * x[:, 1] * x[:, 2] + 0.3 * torch.randn(n)


net = nn.Sequential(nn.Linear(5, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 9))
opt = torch.optim.AdamW(net.parameters(), lr=5e-3)
with Inspector(net) as inspector:
    for _ in range(300):
        x, y = sample(96)
        loss = pinball(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
