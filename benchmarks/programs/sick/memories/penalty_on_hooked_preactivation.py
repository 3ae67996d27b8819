"""A penalty on what is below zero before the activation: by then the activation ran in place.

expect: CD109
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

store = {}


def keeping(name):
    def hook(_module, _given, made):
        store[name] = made  # fault

    return hook


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(64, 72), nn.Linear(72, 10)

    def forward(self, x):
        hidden = F.relu_(self.first(x))  # fault
        return self.second(hidden)


net = Net()
net.first.register_forward_hook(keeping("first"))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
with Inspector(net) as inspector:
    for pixels, label in batches(30):
        loss = F.cross_entropy(net(pixels), label)
        loss = loss + 0.01 * torch.clamp(store["first"], max=0).square().mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
