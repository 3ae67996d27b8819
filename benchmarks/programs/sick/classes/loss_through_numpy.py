"""A loss class mines its triplets in NumPy, and computes on the copies it mined them from.

expect: CD201
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Mining(nn.Module):
    def forward(self, z, labels):
        rows = torch.from_numpy(z.detach().numpy().copy()).requires_grad_()  # fault
        apart = torch.cdist(rows, rows)
        same = labels[:, None] == labels[None]
        positive = apart.masked_fill(~same, 0).max(dim=1).values
        negative = apart.masked_fill(same, float("inf")).min(dim=1).values
        return F.relu(positive - negative + 0.5).mean()


model, criterion = Encoder(), Mining()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
with Inspector(model) as inspector:
    for x, y in batches(30):
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
