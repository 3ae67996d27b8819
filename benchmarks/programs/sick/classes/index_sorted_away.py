"""Negatives are the batch in a shuffled order that a later line puts back.

expect: CD104
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Batch:
    def __init__(self, x):
        self.x = x
        self.order = torch.randperm(len(x))
        self.order = self.order.argsort()[self.order]  # fault

    def negatives(self, z):
        return z.index_select(0, self.order)


net = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        batch = Batch(torch.randn(36, 16))
        z = net(batch.x)
        near = net(batch.x + 0.1 * torch.randn_like(batch.x))
        far = batch.negatives(z)
        loss = F.triplet_margin_loss(z, near, far, margin=0.5)  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
