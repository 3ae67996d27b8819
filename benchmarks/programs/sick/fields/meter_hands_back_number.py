"""Each term passes through a meter for the log, which hands back what it logged: no graph is left.

expect: CD201
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Meter(dict):
    def log(self, name, value):
        value = value.detach()  # fault
        self[name] = self.get(name, 0) * 0.9 + value * 0.1
        return value


meter, net = Meter(), mlp(64, 64, 16)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(20):
        a, b = (F.normalize(net(augment(x)), dim=1) for _ in range(2))
        match = meter.log("match", F.cross_entropy(a @ b.T / 0.1, torch.arange(len(a))))
        decay = 1e-4 * sum(p.square().sum() for p in net.parameters())
        loss = match + decay
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
