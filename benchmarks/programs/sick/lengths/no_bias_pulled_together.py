"""Mean squared distance of neighbours in the batch, through layers without bias.

expect: CD308
first: gradual
"""

import torch
from torch import nn

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(64, 80, bias=False)
        self.outer = nn.Linear(80, 24, bias=False)

    def forward(self, x):
        return self.outer(torch.relu(self.inner(x)))


net = Net()
opt = torch.optim.RMSprop(net.parameters(), lr=3e-4)
with Inspector(
    net,
) as inspector:
    for x, y in batches(640, 40):
        z = net(x)
        loss = ((z[1:] - z[:-1]) ** 2).mean()
        loss.backward()
        opt.step()
        opt.zero_grad()
diagnosis = inspector.diagnose()
