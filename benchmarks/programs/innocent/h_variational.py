"""A variational autoencoder on digits.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class Posterior(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.Tanh())
        self.mu, self.logvar = nn.Linear(96, 12), nn.Linear(96, 12)

    def forward(self, x):
        h = self.body(x)
        return self.mu(h), self.logvar(h)


X = torch.tensor(load_digits().data / 16, dtype=torch.float32)
q, p = Posterior(), nn.Sequential(nn.Linear(12, 96), nn.ReLU(), nn.Linear(96, 64))
opt = torch.optim.Adam([*q.parameters(), *p.parameters()], lr=3e-3)
with Inspector(q) as inspector:
    for _ in range(60):
        x = X[torch.randint(0, len(X), (128,))]
        mu, logvar = q(x)
        z = mu + torch.randn_like(mu) * (logvar / 2).exp()
        rec = (p(z) - x).square().sum(1)
        kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)
        loss = (rec + 0.02 * kl).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
