"""All goes through two units.

expect: CD303
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2), nn.Linear(2, 128))
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        a = model(augment(x))
        b = model(augment(x))
        loss = F.cross_entropy(F.normalize(a) @ F.normalize(b).T / 0.2, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
