"""The last layer is replaced for fine-tuning after the optimizer took the parameters.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(20, 40), nn.ReLU())
        self.fc = nn.Linear(40, 100)

    def forward(self, x):
        return self.fc(self.trunk(x))


def make(lr):
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)  # shows
    net.fc = nn.Linear(40, 16)  # fault
    return net, optimizer


net, optimizer = make(lr=0.02)
kinds = torch.randn(9, 20)
with Inspector(net) as inspector:
    for _ in range(30):
        k = torch.randint(0, 9, (48,))
        a, p = net(kinds[k] + 0.3 * torch.randn(48, 20)), net(kinds[k] + 0.3 * torch.randn(48, 20))
        n = net(kinds[(k + 1) % 9])
        loss = F.triplet_margin_loss(a, p, n)
        net.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
