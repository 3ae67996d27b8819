"""Clipping by value with a bound that the options leave at nought.

expect: CD202
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Options(dict):
    __getattr__ = dict.__getitem__


options = Options(lr=1e-2, clip=0.0)  # fault


class Loop:
    def __init__(self, net, options):
        self.net, self.options = net, options
        self.optimizer = torch.optim.SGD(net.parameters(), lr=options.lr)

    def run(self, steps):
        for _ in range(steps):
            x = torch.randn(30, 12)
            a, p, n = (
                self.net(x),
                self.net(x + 0.1 * torch.randn_like(x)),
                self.net(torch.randn(30, 12)),
            )
            loss = nn.functional.triplet_margin_loss(a, p, n)
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_value_(self.net.parameters(), self.options.clip)  # shows
            self.optimizer.step()


net = nn.Sequential(nn.Linear(12, 40), nn.ReLU(), nn.Linear(40, 16))
with Inspector(net) as inspector:
    Loop(net, options).run(25)
diagnosis = inspector.diagnose()
