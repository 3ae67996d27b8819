"""Ratings by matrix factorisation: a global mean, two biases, and factors that begin near zero.

expect: healthy
"""

import torch

from collapse_doctor import Inspector

U, I, D = 150, 80, 12
pu, qi = torch.randn(U, 3), torch.randn(I, 3)
ratings = (3.5 + 0.6 * torch.randn(U, 1) + 0.5 * torch.randn(1, I) + 0.5 * pu @ qi.T).clamp(1, 5)


class BiasedMF(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.P = torch.nn.Embedding(U, D)
        self.Q = torch.nn.Embedding(I, D)
        self.bu = torch.nn.Embedding(U, 1)
        self.bi = torch.nn.Embedding(I, 1)
        for table in (self.P, self.Q):
            torch.nn.init.normal_(table.weight, std=0.05)
        for bias in (self.bu, self.bi):
            torch.nn.init.zeros_(bias.weight)

    def forward(self, u, i):
        return 3.5 + (self.bu(u) + self.bi(i)).squeeze(-1) + (self.P(u) * self.Q(i)).sum(-1)


mf = BiasedMF()
optim = torch.optim.Adam(mf.parameters(), lr=0.02, weight_decay=1e-4)
with Inspector(mf) as inspector:
    for it in range(300):
        u, i = torch.randint(U, (128,)), torch.randint(I, (128,))
        err = mf(u, i) - ratings[u, i]
        loss = err.pow(2).mean()
        optim.zero_grad()
        loss.backward()
        optim.step()
diagnosis = inspector.diagnose()
