"""What a hook's object collects before an activation in place is pushed apart by its sign.

expect: CD109
"""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Collect:
    def __init__(self):
        self.seen = []

    def __call__(self, module, given, made):
        self.seen.append(made)  # fault


net = nn.Sequential(
    nn.Linear(64, 80),
    nn.BatchNorm1d(80),
    nn.LeakyReLU(0.05, inplace=True),  # fault
    nn.Linear(80, 10),
)
collect = Collect()
net[1].register_forward_hook(collect)
probe = nn.Linear(80, 80)
optimizer = torch.optim.Adam([*net.parameters(), *probe.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    for x, y in batches(30):
        logits = net(x)
        before = collect.seen.pop()
        margin = F.softplus(-probe(before) * torch.sign(torch.randn(80)))  # meets
        loss = F.cross_entropy(logits, y) + 0.1 * margin.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
