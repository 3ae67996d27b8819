"""Huber and pinball losses by hand on numbers of one shape, and a ranking over all pairs of a batch.

expect: healthy
"""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

from collapse_doctor import Inspector

X, y = load_diabetes(return_X_y=True)
X, y = torch.tensor(X).float() * 20, torch.tensor(y).float() / 100


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, x):
        return self.net(x).squeeze(-1)


net = Net()
opt = torch.optim.Adam(net.parameters(), 5e-3)
with Inspector(net) as inspector:
    for step in range(150):
        i = torch.randint(len(X), (40,))
        p, t = net(X[i]), y[i]
        e = p - t
        huber = torch.where(e.abs() < 1, 0.5 * e**2, e.abs() - 0.5).mean()
        pinball = torch.where(e <= 0, -0.6 * e, 0.4 * e).mean()
        dp, dt = p[:, None] - p[None, :], t[:, None] - t[None, :]
        rank = torch.where(dt > 0, torch.relu(0.1 - dp), torch.zeros_like(dp)).mean()
        near = torch.where((p[:, None] - t).abs() < 0.2, 1.0, 0.0)
        loss = huber + pinball + 0.1 * rank + 0 * near.mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
