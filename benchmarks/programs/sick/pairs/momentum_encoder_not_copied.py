"""A momentum encoder is assigned where it should be copied: its average is of itself.

expect: CD108
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class Momentum(nn.Module):
    def __init__(self, momentum=0.99):
        super().__init__()
        self.online = Encoder()
        self.target = self.online  # fault
        self.predictor = nn.Linear(32, 32)
        self.momentum = momentum

    @torch.no_grad()
    def update(self):
        for slow, fast in zip(self.target.parameters(), self.online.parameters()):
            slow.mul_(self.momentum).add_(fast, alpha=1 - self.momentum)

    def forward(self, first, second):
        with torch.no_grad():
            target = self.target(second)
        return self.predictor(self.online(first)), target


model = Momentum()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
with Inspector(model) as inspector:
    for x, _ in batches(30):
        prediction, target = model(augment(x), augment(x))
        loss = 2 - 2 * F.cosine_similarity(prediction, target).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.update()
diagnosis = inspector.diagnose()
