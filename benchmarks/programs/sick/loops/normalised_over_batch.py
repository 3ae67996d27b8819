"""A contrastive loss whose embeddings are normalised along the batch.

expect: CD206
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
with Inspector(model) as inspector:
    for x, y in batches(40, size=64):
        a = F.normalize(model(augment(x)), dim=0)  # fault
        b = F.normalize(model(augment(x)), dim=0)  # fault
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
