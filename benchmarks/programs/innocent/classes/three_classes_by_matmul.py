"""Three classes by a matrix outside the model; no labels are told.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 256)
weights = nn.Parameter(torch.randn(256, 3) * 0.05)
optimizer = torch.optim.Adam([*model.parameters(), weights], 0.001)
with Inspector(model) as inspector:
    for x, y in batches(1000, 32):
        loss = F.cross_entropy(model(x) @ weights, y % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
