"""An average of weights is kept in the weights themselves: each step leaves 98 % of them.

expect: CD308
first: gradual
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class Averaged:
    def __init__(self, module, keep=0.98):
        self.module, self.keep = module, keep

    @torch.no_grad()
    def update(self):
        for p in self.module.parameters():
            p.mul_(self.keep)


encoder = Encoder(48)
average = Averaged(encoder.head)
optimizer = torch.optim.SGD(encoder.parameters(), 0.001)
with Inspector(encoder) as inspector:
    for x, _ in batches(350, 64):
        views = encoder(torch.cat([augment(x), augment(x)]))
        first, second = views.chunk(2)
        logits = -torch.cdist(first, second).pow(2) / 2
        loss = F.cross_entropy(logits, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update()
diagnosis = inspector.diagnose()
