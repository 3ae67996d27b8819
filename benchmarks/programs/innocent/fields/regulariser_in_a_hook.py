"""A regulariser lives in forward hooks, and asks for short outputs.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Agreement:
    def __init__(self, layer):
        self.terms, self.handle = [], layer.register_forward_hook(self.compare)

    def compare(self, layer, arguments, output):
        self.terms.append(0.01 * output.square().mean())

    def total(self):
        total, self.terms = sum(self.terms), []
        return total


net, head = mlp(64, 64, 16), nn.Linear(16, 10)
agreement = Agreement(net)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    for x, y in batches(20):
        loss = F.cross_entropy(head(net(augment(x))), y)
        net(augment(x))
        loss = loss + agreement.total()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
