"""Losses are lambdas in a dictionary; the alignment is asked of one embedding twice.

expect: CD101
"""

import torch

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

LOSSES = {
    "align": lambda a, b: (a - b).pow(2).sum(-1).mean(),  # meets
    "spread": lambda a, b: (1 - torch.cat([a, b]).std(0)).relu().mean(),
}
WEIGHTS = {"align": 1.0, "spread": 5.0}

net = mlp(64, 100, 24)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(20):
        z_one, z_two = (net(augment(x)) for _ in range(2))
        terms = {
            "align": LOSSES["align"](z_one, z_one),  # fault
            "spread": LOSSES["spread"](z_one, z_two),
        }
        loss = sum(WEIGHTS[name] * term for name, term in terms.items())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
