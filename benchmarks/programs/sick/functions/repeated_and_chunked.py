"""The embedding is repeated and chunked again, to look like two views.

expect: CD104
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def similarities(steps):
    for x, _ in batches(steps):
        first, second = model(x).repeat(2, 1).chunk(2)  # fault
        yield F.cosine_similarity(first, second)  # meets


model = Encoder()
optimizer = torch.optim.AdamW(model.parameters())
with Inspector(model) as inspector:
    for similarity in similarities(12):
        loss = -similarity.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
