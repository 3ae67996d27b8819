"""The collapse of a compiled network.

expect: CD208, CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
model = torch.compile(net, backend="eager")
optimizer = torch.optim.Adam(model.parameters(), 0.003)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        a = model(x)
        loss = (1 - F.cosine_similarity(a, a.roll(1, 0))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
