"""Truncated back-propagation through time: the hidden state is carried over, detached.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 32, batch_first=True)
        self.out = nn.Linear(32, 4)

    def forward(self, x, state=None):
        h, state = self.lstm(x, state)
        return self.out(h), state


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
t = torch.arange(601) / 10
speed = 0.5 + 2 * torch.rand(24, 1, 4)
series = torch.sin(speed * t[None, :, None] + 6 * torch.rand(24, 1, 4))
state = None
with Inspector(model) as inspector:
    for start in range(0, 600, 15):
        window = series[:, start : start + 16]
        prediction, state = model(window[:, :-1], state)
        state = tuple(s.detach() for s in state)
        loss = (prediction - window[:, 1:]).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
