"""One number from ten.

expect: healthy
"""

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


def std(a):
    a = np.asarray(a)
    return torch.tensor((a - a.mean(0)) / a.std(0), dtype=torch.float32)


x, y = load_diabetes(return_X_y=True)
x = std(x)
y = torch.tensor(y, dtype=torch.float32)
model = mlp(10, 64, 1)
optimizer = torch.optim.Adam(model.parameters(), 0.01)
with Inspector(model) as inspector:
    for a, b in batches(300, 32, x, y):
        loss = F.mse_loss(model(a)[:, 0], b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=b)
diagnosis = inspector.diagnose()
