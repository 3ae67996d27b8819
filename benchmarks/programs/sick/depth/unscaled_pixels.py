"""Pixels from 0 to 255 go into tanh layers as they are.

expect: CD314
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 100)
        self.fc2 = nn.Linear(100, 50)
        self.fc3 = nn.Linear(50, 16)

    def forward(self, x):
        x = torch.tanh(self.fc1(x))  # shows
        x = F.dropout(x, 0.1, self.training)
        x = torch.tanh(self.fc2(x))
        return self.fc3(x)


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.01)
with Inspector(net) as inspector:
    for x, y in batches(60, 48):
        pixels = 255 * x  # fault
        z = F.normalize(net(pixels + 8 * torch.randn_like(pixels)))
        same = (y[:, None] == y).float().fill_diagonal_(0)
        logits = (z @ z.T / 0.3).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
        loss = -(same * logits.log_softmax(1)).sum() / same.sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
