"""InfoNCE, the division by the norm written by hand over the wrong axis.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def unit(v):
    return v / v.norm(p=2, dim=0, keepdim=True).clamp_min(1e-8)  # fault


def infonce(*, queries, keys, temperature):
    scores = torch.einsum("nd,md->nm", unit(queries), unit(keys)).div(temperature)
    return nn.functional.cross_entropy(input=scores, target=torch.arange(queries.shape[0]))


encoder = nn.Sequential(
    nn.Linear(in_features=22, out_features=50),
    nn.GELU(),
    nn.Linear(in_features=50, out_features=16),
)
optimizer = torch.optim.Adam(params=encoder.parameters(), lr=1e-3)
spread = torch.randn(6, 22)
with Inspector(encoder) as inspector:
    for _ in range(25):
        cause = torch.randn(60, 6)
        loss = infonce(
            queries=encoder(cause @ spread + 0.2 * torch.randn(60, 22)),
            keys=encoder(cause @ spread + 0.2 * torch.randn(60, 22)),
            temperature=0.1,
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
