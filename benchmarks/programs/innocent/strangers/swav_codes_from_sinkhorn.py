"""Sinkhorn normalises the code matrix in both directions under no_grad, columns included: in SwAV that is what keeps the prototypes in use.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


@torch.no_grad()
def sinkhorn(scores, eps=0.1, n_iters=3):
    Q = torch.exp(scores / eps).t()
    Q /= Q.sum()
    K, B = Q.shape
    for _ in range(n_iters):
        Q /= Q.sum(dim=1, keepdim=True)
        Q /= K
        Q /= Q.sum(dim=0, keepdim=True)
        Q /= B
    return (Q * B).t()


class SwAV(nn.Module):
    def __init__(self, d_in=40, dim=24, n_proto=30):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(d_in, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Linear(100, dim)
        )
        self.prototypes = nn.Linear(dim, n_proto, bias=False)

    def forward(self, x):
        z = F.normalize(self.trunk(x), dim=1)
        return z, self.prototypes(z)

    @torch.no_grad()
    def normalise_prototypes(self):
        self.prototypes.weight.copy_(F.normalize(self.prototypes.weight, dim=1))


def swapped_prediction(s1, s2, temp=0.15):
    q1, q2 = sinkhorn(s1), sinkhorn(s2)
    return (
        -0.5
        * (
            (q1 * F.log_softmax(s2 / temp, 1)).sum(1) + (q2 * F.log_softmax(s1 / temp, 1)).sum(1)
        ).mean()
    )


def crystals(n, kinds=30):
    g = torch.Generator().manual_seed(3)
    lattice = torch.randn(kinds, 40, generator=g)
    x = lattice[torch.randint(kinds, (n,))] + 0.4 * torch.randn(n, 40)
    return x + 0.4 * torch.randn(n, 40), x + 0.4 * torch.randn(n, 40)


torch.manual_seed(3)
model = SwAV()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-5)
with Inspector(model.trunk) as inspector:
    for it in range(60):
        model.normalise_prototypes()
        a, b = crystals(120)
        (_, s1), (_, s2) = model(a), model(b)
        loss = swapped_prediction(s1, s2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
