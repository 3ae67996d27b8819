"""A table of targets is filled by the network at first, and never again.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, augment, mlp
from collapse_doctor import Inspector


class Targets:
    def __init__(self, network):
        self.network = network
        self.images = DIGITS[:256]
        self.refresh()

    @torch.no_grad()
    def refresh(self):
        self.table = F.normalize(self.network(augment(self.images)))  # fault


network = mlp(64, 128, 32)
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
with Inspector(network) as inspector:
    targets = Targets(network)
    for _ in range(8):
        for rows in torch.randperm(256).split(32):
            vectors = F.normalize(network(augment(targets.images[rows])))
            logits = vectors @ targets.table[rows].T / 0.2  # meets
            loss = F.cross_entropy(logits, torch.arange(32))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
