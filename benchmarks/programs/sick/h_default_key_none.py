"""A loss whose key falls back on the query when the caller forgets it, and the caller forgot it.

expect: CD101
"""

import torch
from torch import Tensor, nn

from collapse_doctor import Inspector


def alignment(query: Tensor, key: Tensor | None = None, *, power: int = 2) -> Tensor:
    key = query if key is None else key  # fault
    return nn.functional.pairwise_distance(query, key).pow(power).mean()  # meets


def uniformity(z: Tensor, t: float = 2.0) -> Tensor:
    return torch.pdist(z).pow(2).mul(-t).exp().mean().log()


backbone = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 16))
mixing = torch.randn(6, 20)
optim = torch.optim.Adam(backbone.parameters(), lr=1e-3)
with Inspector(backbone) as inspector:
    for _ in range(20):
        latent = torch.randn(80, 6)
        view_a = latent @ mixing + 0.1 * torch.randn(80, 20)
        view_b = latent @ mixing + 0.1 * torch.randn(80, 20)
        za = nn.functional.normalize(backbone(view_a), dim=1)
        zb = nn.functional.normalize(backbone(view_b), dim=1)
        loss = alignment(za) + 0.5 * (uniformity(za) + uniformity(zb))  # fault
        optim.zero_grad()
        loss.backward()
        optim.step()
diagnosis = inspector.diagnose()
