"""After the first phase there is no given code any more, and what is left is the detached output.

expect: CD103
first: 22
"""

import torch
from torch import nn

from benchmarks.programs.common import LABELS, augment, batches, mlp
from collapse_doctor import Inspector

GIVEN = torch.randn(int(LABELS.max()) + 1, 18)


class Phase:
    def __init__(self, steps):
        self.left = steps

    def target(self, out, y):
        self.left -= 1
        return GIVEN[y] if self.left >= 0 else out.detach()  # fault


net = mlp(64, 70, 18, act=nn.GELU)
optimizer = torch.optim.NAdam(net.parameters(), lr=2e-3)
phase, criterion = Phase(22), nn.HuberLoss()
with Inspector(net) as inspector:
    for pixels, y in batches(50):
        out = net(augment(pixels))
        wanted = phase.target(out, y)
        loss = criterion(out, wanted)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
