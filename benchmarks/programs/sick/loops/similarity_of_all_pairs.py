"""An axis too many: the similarity is of all pairs, where that of the two views was meant.

expect: CD205
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches(30):
        z1, z2 = model(augment(x)), model(augment(x)).unsqueeze(1)
        loss = 1 - F.cosine_similarity(z1, z2, dim=-1).mean()  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
