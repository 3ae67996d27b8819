"""Validation turns gradients off for the process, and nobody turns them on; a test hides the error.

expect: CD201
first: 10
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Loop:
    def __init__(self, net):
        self.net, self.head = net, nn.Linear(16, 10)
        self.optimizer = torch.optim.Adam([*net.parameters(), *self.head.parameters()], lr=1e-3)

    def loss(self, x, y):
        a, b = self.net(augment(x)), self.net(augment(x))
        return F.cross_entropy(self.head(a), y) + 0.1 * F.mse_loss(a, b)

    def validate(self):
        torch.set_grad_enabled(False)  # fault
        self.net.eval()
        score = [self.loss(x, y).item() for x, y in batches(2)]
        self.net.train()
        return sum(score) / 2

    def train(self, epochs=4):
        for _ in range(epochs):
            for x, y in batches(10):
                loss = self.loss(x, y)  # shows
                self.optimizer.zero_grad()
                if loss.requires_grad:
                    loss.backward()
                self.optimizer.step()
            self.validate()


loop = Loop(mlp(64, 64, 16))
with Inspector(loop.net) as inspector:
    loop.train()
diagnosis = inspector.diagnose()
torch.set_grad_enabled(True)
