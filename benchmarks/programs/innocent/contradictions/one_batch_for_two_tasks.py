"""One batch is read twice: for its label, and for a score that is drawn up and its mean kept at 0.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 24))

    def forward(self, x):
        return self.body(x)


net, digit, light = Net(), nn.Linear(24, 10), nn.Linear(24, 1)
parameters = [p for module in (net, digit, light) for p in module.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.05, momentum=0.9)
with Inspector(net) as inspector:
    for x, y in batches(40):
        labelled, weighed = net(x), net(x.clone())
        brightness = light(weighed).squeeze(1)
        loss = F.cross_entropy(digit(labelled), y) + F.mse_loss(brightness, x.mean(1) * 4)
        loss = loss - 0.1 * brightness.mean() + brightness.mean().square()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
