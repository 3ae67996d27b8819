"""The positive logits of a contrastive loss are an einsum of one tensor with itself.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        q = F.normalize(model(x), dim=1)
        k = q  # fault
        pos = torch.einsum("nc,nc->n", [q, k])  # meets
        loss = -pos.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
