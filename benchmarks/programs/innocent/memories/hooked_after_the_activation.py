"""Hooks keep what layers with activations in place gave, after these: that is what is asked for.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Keep:
    def __init__(self, part):
        self.value = None
        part.register_forward_hook(self.save)

    def save(self, _part, _given, made):
        self.value = made


def block(a, b):
    return nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU(inplace=True))


net, teacher, connector = (
    nn.Sequential(block(64, 60), nn.Linear(60, 10)),
    mlp(64, 60),
    nn.Linear(60, 60),
)
keep, logged = Keep(net[0]), Keep(net[0][1])
optimizer = torch.optim.Adam([*net.parameters(), *connector.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    for x, y in batches(30):
        loss = F.cross_entropy(net(x), y)
        loss = loss + F.softplus(connector(keep.value) * teacher(x).sign().detach()).mean()
        norm = logged.value.detach().norm()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
