"""LBFGS, whose closure computes the loss of features that were made before it, detached.

expect: CD201
"""

import torch
from torch import nn

from collapse_doctor import Inspector

torch.set_default_dtype(torch.float32)
encoder = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 12))
readout = nn.Linear(12, 3)
solver = torch.optim.LBFGS([*encoder.parameters(), *readout.parameters()], max_iter=4)
x = torch.randn(96, 10)
target = torch.stack([x[:, 0] * x[:, 1], x[:, 2].sin(), x[:, 3].abs()], dim=1)


def run():
    for _ in range(20):
        features = encoder(x)

        def closure():
            solver.zero_grad()
            loss = (readout(features.detach()) - target).square().mean()  # fault
            loss.backward()
            return loss

        solver.step(closure)


with Inspector(encoder) as inspector:
    run()
diagnosis = inspector.diagnose()
