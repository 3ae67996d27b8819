"""Vectors are kept for a plot and centred in place, before they are compared.

expect: CD109
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

encoder = mlp(64, 128, 32)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
kept = []
with Inspector(encoder) as inspector:
    for x, _ in batches(40):
        one, two = encoder(augment(x)), encoder(augment(x))
        plotted = one.detach()  # fault
        plotted.sub_(plotted.mean(0))  # fault
        kept.append(plotted)
        alike = F.cosine_similarity(one, two)  # meets
        unlike = F.cosine_similarity(one, two.roll(1, dims=0))
        loss = F.relu(0.5 - alike + unlike).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
