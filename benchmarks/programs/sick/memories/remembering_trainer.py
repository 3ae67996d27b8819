"""A trainer remembers the last embedding in a method of its own.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Tr:
    def __init__(self):
        self.m = Encoder()
        self.o = torch.optim.Adam(self.m.parameters())
        self.last = None

    def remember(self, z):
        self.last = z.detach()  # fault

    def loss(self, z):
        if self.last is None:
            return z.var()
        return F.mse_loss(F.normalize(z, dim=1), F.normalize(self.last, dim=1))  # meets

    def fit(self):
        for x, _ in batches():
            z = self.m(x)
            loss = self.loss(z)
            self.o.zero_grad()
            loss.backward()
            self.o.step()
            self.remember(z)


t = Tr()
with Inspector(t.m) as inspector:
    t.fit()
diagnosis = inspector.diagnose()
