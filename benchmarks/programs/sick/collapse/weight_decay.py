"""Weight decay far too strong for the loss.

expect: CD303
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.3)
with Inspector(model) as inspector:
    for x, y in batches(500, 64):
        a = model(augment(x))
        b = model(augment(x))
        loss = F.cross_entropy(F.normalize(a) @ F.normalize(b).T / 0.5, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
