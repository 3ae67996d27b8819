"""A reader of features gives out one NumPy array, filled anew for each of two batches.

expect: CD109
"""

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class Features:
    def __init__(self, network, rows):
        self.network = network
        self.array = np.empty((rows, 32), dtype=np.float32)

    @torch.no_grad()
    def read(self, x):
        self.array[:] = self.network(x).numpy()  # fault
        return torch.from_numpy(self.array)  # fault


model, frozen = Encoder(), Encoder()
features = Features(frozen, 32)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector({"model": model, "frozen": frozen}) as inspector:
    for x, _ in batches(20):
        v = augment(x)
        plain = features.read(x)
        turned = features.read(v)
        loss = F.mse_loss(model(x), plain)  # meets
        loss = loss + F.mse_loss(model(v), turned)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
