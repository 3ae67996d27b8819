"""Positives are the nearest neighbours by topk(1): the nearest of each row is the row itself.

expect: CD104
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class NeighbourSampler:
    def __init__(self, k=1):
        self.k = k

    def positives(self, z):
        with torch.no_grad():
            similar = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T
            nearest = similar.topk(self.k, dim=1).indices  # fault
        return nearest[:, 0]


class Learner:
    def __init__(self, net):
        self.net = net
        self.sampler = NeighbourSampler()
        self.optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)

    def step(self, x):
        z = self.net(x)
        rows = self.sampler.positives(z)
        far = z.roll(7, 0)
        loss = F.triplet_margin_loss(z, z[rows], far, margin=0.8)  # shows
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


net = nn.Sequential(nn.Linear(12, 40), nn.ReLU(), nn.Linear(40, 14))
learner = Learner(net)
with Inspector(net) as inspector:
    for _ in range(25):
        learner.step(torch.randn(48, 12))
diagnosis = inspector.diagnose()
