"""An autoencoder through two units.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

parts = nn.ModuleDict({"enc": mlp(64, 128, 2), "dec": mlp(2, 128, 64)})


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.m = parts

    def forward(self, x):
        z = self.m["enc"](x)
        return self.m["dec"](z), z


model = Autoencoder()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(400, 64):
        r, z = model(x)
        loss = F.mse_loss(r, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
