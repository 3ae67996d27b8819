"""SimCLR with one Gram matrix z @ z.T of both views.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X = torch.tensor(load_digits().data / 16, dtype=torch.float32)


def nt_xent(z, tau=0.3):
    z = F.normalize(z, dim=1)
    n = len(z) // 2
    sim = (z @ z.T / tau).masked_fill(torch.eye(2 * n, dtype=torch.bool), -1e9)
    return F.cross_entropy(sim, torch.arange(2 * n).roll(n))


net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 24))
opt = torch.optim.Adam(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for _ in range(50):
        x = X[torch.randint(0, len(X), (64,))]
        views = torch.cat([x + 0.15 * torch.randn_like(x), x + 0.15 * torch.randn_like(x)])
        loss = nt_xent(net(views))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
