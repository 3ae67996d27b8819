"""Small batches, accumulated by four, are pulled together.

expect: CD208, CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
optimizer = torch.optim.Adam(model.parameters(), 0.003)
with Inspector(model) as inspector:
    for i, (x, y) in enumerate(batches(1200, 16)):
        a = model(x)
        ((1 - F.cosine_similarity(a, a.roll(1, 0))).mean() / 4).backward()
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
diagnosis = inspector.diagnose()
