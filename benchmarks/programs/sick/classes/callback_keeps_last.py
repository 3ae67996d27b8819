"""A callback at the end of each step stores the embedding that the criterion reads in the next.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Memory:
    last = None

    def on_step_end(self, z):
        self.last = z.detach()  # fault


class Loop:
    def __init__(self, model, memory):
        self.model, self.memory = model, memory
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def loss(self, z):
        if self.memory.last is None:
            return z.var()
        return F.smooth_l1_loss(z, self.memory.last)  # meets

    def run(self):
        for x, _ in batches(15):
            z = self.model(x)
            loss = self.loss(z)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.memory.on_step_end(z)


loop = Loop(Encoder(), Memory())
with Inspector(loop.model) as inspector:
    loop.run()
diagnosis = inspector.diagnose()
