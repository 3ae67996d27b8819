"""Time series: the future window is narrowed from the same offset as the past one.

expect: CD102
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 24, batch_first=True)
        self.out = nn.Linear(24, 16)

    def forward(self, series):
        states, _ = self.lstm(series)
        return self.out(states)


def make_series(batch=24, length=20):
    t = torch.arange(length).float()
    freq = torch.rand(batch, 1, 3) * 0.8 + 0.1
    return torch.sin(freq * t[None, :, None] + 6 * torch.rand(batch, 1, 3))


encoder, readout = Encoder(), nn.Linear(16, 3)
optimizer = torch.optim.Adam([*encoder.parameters(), *readout.parameters()], lr=3e-3)
horizon = 4
with Inspector(encoder) as inspector:
    for step in range(25):
        x = make_series()
        h = encoder(x)
        past = h.narrow(1, 0, 16)
        future = h.narrow(1, 0, 16)  # fault
        slow = nn.functional.mse_loss(past, future)  # meets
        forecast = nn.functional.mse_loss(readout(h[:, :-1]), x[:, 1:])
        optimizer.zero_grad()
        (forecast + 0.1 * slow).backward()
        optimizer.step()
diagnosis = inspector.diagnose()
