"""One NumPy array is filled anew for each batch, and copied before it is given out.

expect: healthy
"""

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model, frozen = Encoder(), Encoder().requires_grad_(False)
scratch = np.zeros((32, 32), dtype=np.float32)


def features(x):
    np.copyto(scratch, frozen(x).numpy())
    return torch.from_numpy(scratch.copy())


optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector({"model": model, "frozen": frozen}) as inspector:
    for x, _ in batches(25):
        v = augment(x)
        plain, turned = features(x), features(v)
        loss = F.mse_loss(model(x), plain) + F.mse_loss(model(v), turned)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
