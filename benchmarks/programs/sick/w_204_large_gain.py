"""A deep plain network with gain 5 at init; the clipping was commented out.

expect: CD204
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def dense(width, depth, gain):
    modules = nn.Sequential()
    for k in range(depth):
        linear = nn.Linear(width, width)
        nn.init.orthogonal_(linear.weight, gain=gain)  # shows
        modules.add_module(f"block{k}", nn.Sequential(linear, nn.LeakyReLU(0.2)))
    return modules


net = dense(width=40, depth=12, gain=5.0)  # fault
optimizer = torch.optim.Adam(net.parameters(), lr=1e-5)
signal = torch.randn(256, 40)

with Inspector(net) as inspector:
    for _ in range(25):
        x = signal[torch.randint(0, 256, (32,))]
        z = net(x)
        loss = (z - net(x + 0.01 * torch.randn_like(x))).pow(2).mean()
        gram = z @ z.T / 40
        loss = loss + (gram - torch.eye(32)).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        # torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

diagnosis = inspector.diagnose()
