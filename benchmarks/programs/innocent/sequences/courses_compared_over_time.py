"""Courses of eight sensors, (batch, time, sensor): the cosine over time is written, `dim=1`.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Sensors(nn.Module):
    def __init__(self, sensors=8, width=32):
        super().__init__()
        self.rnn = nn.GRU(sensors, width, batch_first=True)
        self.out = nn.Linear(width, sensors)

    def forward(self, x):
        return self.out(self.rnn(x)[0])


net, over_time = Sensors(), nn.CosineSimilarity(dim=1)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        x = torch.randn(24, 15, 8).cumsum(1) / 4
        one, two = (net(x + 0.1 * torch.randn_like(x)) for _ in range(2))
        shape = 1 - over_time(one, two).mean() / 2 - F.cosine_similarity(one, x, dim=1).mean() / 2
        loss = shape + F.mse_loss(one, x) + F.mse_loss(two, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
