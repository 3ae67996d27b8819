"""The last layer begins with weights near zero, as advised, and grows to its size.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 48)
nn.init.normal_(model[-1].weight, std=1e-5)
nn.init.zeros_(model[-1].bias)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
with Inspector(model) as inspector:
    for x, _ in batches(500, 64):
        a, b = model(augment(x)), model(augment(x))
        loss = F.cross_entropy(a @ b.T, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
