"""A deque of two outputs, read at the wrong end: the target is the output of the step before.

expect: CD106
first: 1
"""

import collections

import torch
from torch import nn

from collapse_doctor import Inspector


class Loop:
    def __init__(self, model, decoder, source):
        self.model, self.decoder, self.source = model, decoder, source
        self.history = collections.deque(maxlen=2)
        params = [*model.parameters(), *decoder.parameters()]
        self.optimizer = torch.optim.AdamW(params, lr=1e-3)

    def run(self):
        for window in self.source:
            self.optimizer.zero_grad()
            self.loss(window).backward()
            self.optimizer.step()

    def loss(self, window):
        clean = self.model(window)
        noisy = self.model(window + 0.3 * torch.randn_like(window))
        self.history.append(clean.detach())
        loss = nn.functional.mse_loss(self.decoder(noisy), window)
        if len(self.history) == 2:
            target = self.history[0]  # fault
            loss = loss + nn.functional.smooth_l1_loss(noisy, target)  # meets
        return loss


source = [torch.randn(48, 16) @ torch.randn(16, 16) / 4 for _ in range(30)]
model = nn.Sequential(nn.Linear(16, 40), nn.Tanh(), nn.Linear(40, 12))
loop = Loop(model, nn.Linear(12, 16), source)
with Inspector(model) as inspector:
    loop.run()
diagnosis = inspector.diagnose()
