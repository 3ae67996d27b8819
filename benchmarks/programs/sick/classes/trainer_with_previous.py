"""A trainer keeps the previous batch's embeddings, and starts with its own.

expect: CD101, CD106
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Trainer:
    def __init__(self):
        self.net = Encoder()
        self.optim = torch.optim.AdamW(self.net.parameters(), 0.001)
        self.previous = None
        self.cos = nn.CosineSimilarity(dim=1)

    def compute(self, z):
        if self.previous is None:
            self.previous = z  # fault
        return (1 - self.cos(z, self.previous)).mean()  # meets

    def fit(self):
        for x, y in batches():
            z = self.net(x)
            loss = self.compute(z)
            self.optim.zero_grad()
            loss.backward()
            self.optim.step()
            self.previous = z.detach()


t = Trainer()
with Inspector(t.net) as inspector:
    t.fit()
diagnosis = inspector.diagnose()
