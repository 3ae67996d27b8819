"""Terms and weights are summed in a comprehension; the two that spread have the weight nought.

expect: CD208
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def pull(a, b):
    return (a - b).square().mean()  # shows


def spread(z):
    return torch.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()


def decorrelate(z):
    c = torch.cov(z.T)
    return (c - torch.diag(c.diagonal())).square().sum() / len(c)


class Criterion:
    weights = (25.0, 0.0, 0.0)  # fault

    def __call__(self, a, b):
        terms = (pull(a, b), spread(a) + spread(b), decorrelate(a) + decorrelate(b))
        return sum(w * t for w, t in zip(self.weights, terms, strict=True))


net = nn.Sequential(nn.Linear(22, 60), nn.ReLU(), nn.Linear(60, 18))
criterion, optimizer = Criterion(), torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(50):
        x = torch.randn(48, 22)
        loss = criterion(net(x + 0.2 * torch.randn_like(x)), net(x + 0.2 * torch.randn_like(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
