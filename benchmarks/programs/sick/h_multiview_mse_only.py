"""Two sensor encoders, matched by squared error in a common space, and nothing that spreads it.

expect: CD208
"""

import torch
from torch import nn, optim

from collapse_doctor import Inspector


def make(n_in):
    return nn.Sequential(nn.Linear(n_in, 40), nn.Tanh(), nn.Linear(40, 16))


def fit(accelerometer, gyroscope, *, steps, lr):
    optimizer = optim.Adam([*accelerometer.parameters(), *gyroscope.parameters()], lr=lr)
    A, B = torch.randn(5, 12), torch.randn(5, 9)
    for _ in range(steps):
        motion = torch.randn(48, 5)
        za = accelerometer(motion @ A + 0.1 * torch.randn(48, 12))
        zb = gyroscope(motion @ B + 0.1 * torch.randn(48, 9))
        loss = nn.functional.mse_loss(za, zb)  # fault # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


acc, gyr = make(12), make(9)
with Inspector({"accelerometer": acc, "gyroscope": gyr}) as inspector:
    fit(acc, gyr, steps=50, lr=2e-3)
diagnosis = inspector.diagnose()
