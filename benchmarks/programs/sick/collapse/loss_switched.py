"""A contrastive loss is replaced by one that only pulls, half way through.

expect: CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
optimizer = torch.optim.AdamW(model.parameters(), 0.01, weight_decay=0.1)
with Inspector(model) as inspector:
    for i, (x, y) in enumerate(batches(600, 64)):
        a, b = model(augment(x)), model(augment(x))
        loss = (
            F.cross_entropy(F.normalize(a) @ F.normalize(b).T / 0.2, torch.arange(64))
            if i < 100
            else (1 - F.cosine_similarity(a, b.roll(1, 0))).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
