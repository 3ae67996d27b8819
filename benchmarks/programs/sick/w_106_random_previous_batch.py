"""Rows of this batch are compared with the rows of the last batch, which hold other samples.

expect: CD106
first: 1
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Trainer:
    def __init__(self, model, lr=0.01):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.last = None
        self.callbacks = [self.remember]

    def remember(self, z):
        self.last = z.detach()  # fault

    def step(self, x):
        z = self.model(x)
        if self.last is not None:
            loss = (1 - F.cosine_similarity(z, self.last, dim=-1)).mean()  # meets
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        else:
            loss = 0.0 * z.sum()
            loss.backward()
            self.optimizer.step()
        for callback in self.callbacks:
            callback(z)
        return float(loss)


net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
trainer = Trainer(net)
with Inspector(net) as inspector:
    losses = [trainer.step(torch.randn(20, 64)) for _ in range(25)]

diagnosis = inspector.diagnose()
