"""NT-Xent over two augmented views, batch normalisation, labels told along the way.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64))
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(150, 64):
        z = F.normalize(model(torch.cat([augment(x), augment(x)])), dim=1)
        s = z @ z.T / 0.5
        s.fill_diagonal_(-1e9)
        t = torch.cat([torch.arange(64, 128), torch.arange(64)])
        loss = F.cross_entropy(s, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
