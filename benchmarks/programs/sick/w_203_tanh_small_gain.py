"""A deep tanh network initialised with a tenth of the usual gain.

expect: CD203
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class TanhNet(nn.Module):
    def __init__(self, width=48, depth=10):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.out = nn.Linear(width, 16)
        for layer in self.hidden:
            nn.init.xavier_uniform_(layer.weight, gain=0.1)  # fault
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.tanh(layer(x))
        return self.out(x)


net = TanhNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
grid = torch.randn(64, 48)

with Inspector(net, layers=["hidden.*"]) as inspector:
    for _ in range(30):
        x = grid[torch.randperm(64)[:32]]
        a, b = net(x), net(x + 0.1 * torch.randn_like(x))
        loss = F.mse_loss(a, b) + F.relu(1 - a.std(0)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
