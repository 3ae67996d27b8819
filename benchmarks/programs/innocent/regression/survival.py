"""Survival by Cox's partial likelihood, batch sorted by time, one risk and the features it comes from.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

n = 1000
x = torch.randn(n, 12)
risk = x[:, 0] + x[:, 1] * x[:, 2]
time = torch.distributions.Exponential(risk.exp()).sample()
event = torch.rand(n) < 0.7


class DeepSurv(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(12, 48), nn.SELU(), nn.AlphaDropout(0.1), nn.Linear(48, 24), nn.SELU()
        )
        self.risk = nn.Linear(24, 1, bias=False)

    def forward(self, x):
        f = self.body(x)
        return self.risk(f), f


net = DeepSurv()
opt = torch.optim.Adam(net.parameters(), 2e-3, weight_decay=1e-3)
with Inspector(net) as inspector:
    for step in range(400):
        b = torch.randint(n, (100,))
        b = b[time[b].argsort(descending=True)]
        r = net(x[b])[0].squeeze(1)
        loss = -(r - torch.logcumsumexp(r, 0))[event[b]].mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
