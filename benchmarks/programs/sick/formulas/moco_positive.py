"""MoCo's positive logits, with the detached query for a key.

expect: CD103
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
queue = F.normalize(torch.randn(32, 64), dim=0)
with Inspector(model) as inspector:
    for x, _ in batches(6):
        q = F.normalize(model(x), dim=1)
        k = q.detach()  # fault
        l_pos = torch.einsum("nc,nc->n", [q, k]).unsqueeze(-1)  # meets
        l_neg = torch.einsum("nc,ck->nk", [q, queue])
        loss = F.cross_entropy(
            torch.cat([l_pos, l_neg], 1) / 0.07, torch.zeros(len(q), dtype=torch.long)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
