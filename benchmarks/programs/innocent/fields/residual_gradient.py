"""Residual gradients of a value: both sides of the difference learn, from one state and the next.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

value = nn.Sequential(mlp(6, 48, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(value.parameters(), lr=1e-3)
state = torch.randn(64, 6)
with Inspector(value) as inspector:
    for _ in range(80):
        following = 0.9 * state + 0.3 * torch.randn(64, 6)
        reward = following[:, 0]
        error = value(state).squeeze(1) - 0.9 * value(following).squeeze(1) - reward
        loss = error.pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state = following
diagnosis = inspector.diagnose()
