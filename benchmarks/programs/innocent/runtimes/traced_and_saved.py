"""The model is traced, copied and saved in the middle of training.

expect: healthy
"""

import copy
import io

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for k, (x, y) in enumerate(batches(30, 64)):
        if k == 5:
            torch.jit.trace(model, x)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if k == 7:
            copy.deepcopy(model)
            torch.save(model, io.BytesIO())
diagnosis = inspector.diagnose()
