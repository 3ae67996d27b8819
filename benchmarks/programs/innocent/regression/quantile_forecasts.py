"""Quantile forecasts of 24 hours for an AR(1) series: quantiles are cumulative sums, loss is CRPS-like.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

series = torch.zeros(64, 400)
for k in range(1, 400):
    series[:, k] = 0.97 * series[:, k - 1] + 0.2 * torch.randn(64)
levels = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])


class Quantiles(nn.Module):
    def __init__(self, past=48, future=24):
        super().__init__()
        self.rnn = nn.GRU(1, 24, batch_first=True)
        self.base = nn.Linear(24, future)
        self.gaps = nn.Linear(24, future * 4)

    def forward(self, x):
        _, h = self.rnn(x.unsqueeze(-1))
        low = self.base(h[-1]).unsqueeze(-1)
        up = nn.functional.softplus(self.gaps(h[-1])).view(-1, 24, 4).cumsum(-1)
        return torch.cat([low, low + up], -1)


model = Quantiles()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
with Inspector(model) as inspector:
    for _ in range(120):
        at = int(torch.randint(0, 400 - 72, ()))
        window = series[:, at : at + 72]
        q = model(window[:, :48])
        err = window[:, 48:, None] - q
        loss = torch.maximum(levels * err, (levels - 1) * err).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
