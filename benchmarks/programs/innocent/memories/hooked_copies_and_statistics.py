"""One hook keeps a copy for the loss, another only statistics, before activations in place.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

kept, silent = {}, []


def copy(_module, _given, made):
    kept["before"] = made.clone()


def statistics(_module, _given, made):
    silent.append(float((made < 0).float().mean()))


net = nn.Sequential(
    nn.Linear(64, 80),
    nn.BatchNorm1d(80),
    nn.ReLU(inplace=True),
    nn.Linear(80, 40),
    nn.ReLU(inplace=True),
    nn.Linear(40, 10),
)
net[1].register_forward_hook(copy)
net[3].register_forward_hook(statistics)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, y in batches(30):
        loss = F.cross_entropy(net(x), y)
        loss = loss + 0.01 * kept["before"].clamp(max=0).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
