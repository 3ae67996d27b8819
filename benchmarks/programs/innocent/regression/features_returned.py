"""One number is predicted; the features it is read from turn into a line, as they may.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.f1, self.f2, self.out = nn.Linear(8, 64), nn.Linear(64, 48), nn.Linear(48, 1)

    def forward(self, x):
        h = torch.relu(self.f2(torch.relu(self.f1(x))))
        return {"y": self.out(h), "embedding": h}


net = Net()
opt = torch.optim.SGD(net.parameters(), 0.02, momentum=0.9, weight_decay=5e-3)
with Inspector(net) as inspector:
    for s in range(800):
        x = torch.randn(64, 8)
        y = (x[:, :1] + 0.5 * x[:, 1:2]) + 0.2 * x[:, 2:3] ** 2
        loss = (net(x)["y"] - y).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
