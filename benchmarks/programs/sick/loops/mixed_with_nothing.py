"""Mixup of embeddings whose partner is all zeros.

expect: CD105
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
partner = torch.zeros(32, 32)
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        share = torch.rand(len(z), 1)
        mixed = share * z + (1 - share) * partner  # fault
        loss = F.cosine_embedding_loss(z, mixed, torch.ones(len(z)))  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
