"""Everything is written over many lines.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches(6):
        first_embedding = model(x)
        second_embedding = first_embedding  # fault
        loss = 1.0 - F.cosine_similarity(first_embedding, second_embedding, dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
