"""The list of embeddings is zipped with itself.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        embs = {"a": model(augment(x)), "b": model(augment(x))}
        loss = sum((F.l1_loss(u, v) for u, v in zip(embs.values(), embs.values())))  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
