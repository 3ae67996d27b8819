"""LBFGS in double precision.

expect: healthy
"""

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector


def std(a):
    a = np.asarray(a)
    return torch.tensor((a - a.mean(0)) / a.std(0), dtype=torch.float32)


x, y = load_wine(return_X_y=True)
x = std(x).double()
y = torch.tensor(y)
model = mlp(13, 16, 3).double()
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)
with Inspector(model) as inspector:
    for k in range(15):

        def cl():
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss

        loss = optimizer.step(cl).item()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
