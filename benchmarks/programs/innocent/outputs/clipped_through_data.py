"""Embeddings are clipped through `.data`, which is meant for them, and weights are normalised so.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def clip_(rows, most):
    """Shorten long rows, of which gradients need not know."""
    values = rows.data
    lengths = values.norm(dim=1, keepdim=True)
    values.mul_((most / lengths).clamp(max=1.0))
    return rows


encoder = mlp(64, 80, 24)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for image, _ in batches(40):
        weight = encoder[-1].weight.data
        weight.div_(weight.norm(dim=1, keepdim=True))
        one, other = encoder(augment(image)), encoder(augment(image))
        one.data.clamp_(-5, 5)
        other.detach()[other.detach().abs() > 5] = 0.0
        clip_(one, 20.0)
        with torch.no_grad():
            other.clamp_(-4, 4)
        assert weight.isfinite().all()
        spread = F.relu(1 - one.std(0)).mean() + F.relu(1 - other.std(0)).mean()
        loss = F.mse_loss(one, other) + spread
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
