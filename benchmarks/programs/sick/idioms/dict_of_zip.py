"""Query and key are zipped with their names; the list of embeddings holds one of them twice.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

NAMES = ("query", "key")
model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(20):
        views = [augment(x), augment(x)]
        embedded = [model(views[0])] * len(NAMES)  # fault
        out = dict(zip(NAMES, embedded, strict=True))
        logits = F.normalize(out["query"], dim=1) @ F.normalize(model(views[1]), dim=1).T / 0.2
        pull = F.mse_loss(out["query"], out["key"])  # meets
        loss = pull + F.cross_entropy(logits, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
