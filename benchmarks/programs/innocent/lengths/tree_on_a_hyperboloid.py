"""A taxonomy on the hyperboloid, by exponential map at the origin; siblings are far, ancestors near.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

N = 127
parent = torch.tensor([max(0, (i - 1) // 2) for i in range(N)])


def exp0(v):
    n = v.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    return torch.cat([torch.cosh(n), torch.sinh(n) * v / n], -1)


def dist(a, b):
    inner = a[..., :1] * b[..., :1] - (a[..., 1:] * b[..., 1:]).sum(-1, keepdim=True)
    return torch.acosh(inner.clamp(min=1 + 1e-6)).squeeze(-1)


class Lorentz(nn.Module):
    def __init__(self):
        super().__init__()
        self.tangent = nn.Embedding(N, 5)
        nn.init.normal_(self.tangent.weight, std=0.1)

    def forward(self, i):
        return exp0(self.tangent(i))


m = Lorentz()
opt = torch.optim.Adam(m.parameters(), lr=0.03)
with Inspector(m) as inspector:
    for _ in range(250):
        child = torch.randint(1, N, (64,))
        others = torch.randint(N, (64, 10))
        others = torch.where(others == parent[child][:, None], child[:, None], others)
        h = m(child)
        d = torch.cat([dist(h, m(parent[child]))[:, None], dist(h[:, None], m(others))], 1)
        d = torch.where(torch.cat([parent[child][:, None], others], 1) == child[:, None], 1e4, d)
        loss = nn.functional.cross_entropy(-d, torch.zeros(64, dtype=torch.long))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
