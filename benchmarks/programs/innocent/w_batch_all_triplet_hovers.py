"""A batch-all triplet loss, averaged over the active triplets: it hovers at its margin and is fine.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


def batch_all(z, y, margin=0.2):
    d = torch.cdist(z, z)
    same = y[:, None] == y[None]
    eye = torch.eye(len(y), dtype=torch.bool)
    t = d[:, :, None] - d[:, None, :] + margin
    valid = (same & ~eye)[:, :, None] & ~same[:, None, :]
    active = valid & (t > 1e-7)
    return (t * active).sum() / active.sum().clamp(min=1)


data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for rows in torch.randperm(1600).repeat(2).split(40):
        z = F.normalize(net(x[rows]), dim=1)
        loss = batch_all(z, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
