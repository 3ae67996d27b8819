"""A plot takes a copy and centres it, and what is kept of the batch is changed after its step.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

encoder = mlp(64, 80, 24)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
drawn, kept = [], []
with Inspector(encoder) as inspector:
    for image, _ in batches(40):
        one, other = encoder(augment(image)), encoder(augment(image))
        points = one.detach().clone()
        points -= points.mean(0)
        drawn.append(points[:, :2])
        a, b = F.normalize(one, dim=1), F.normalize(other, dim=1)
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rest = other.detach()
        rest.sub_(rest.mean(0)).div_(rest.std(0))
        kept.append(rest)
diagnosis = inspector.diagnose()
