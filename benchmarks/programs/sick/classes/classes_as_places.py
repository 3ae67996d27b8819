"""Class labels of the digits are handed to InfoNCE as the places of the positives.

expect: CD503
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class InfoNCE(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.3))
        self.ce = nn.CrossEntropyLoss()

    def forward(self, left, right, target):
        left, right = nn.functional.normalize(left), nn.functional.normalize(right)
        logits = left @ right.t() * self.scale.exp()
        return (self.ce(logits, target) + self.ce(logits.t(), target)) / 2  # shows


class Trainer:
    def __init__(self):
        self.model, self.loss = Encoder(), InfoNCE()
        parameters = [*self.model.parameters(), *self.loss.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-3)

    def step(self, x, y):
        loss = self.loss(self.model(augment(x)), self.model(augment(x)), y)  # fault
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()


trainer = Trainer()
with Inspector(trainer.model) as inspector:
    for x, y in batches(40, 48):
        trainer.step(x, y)
diagnosis = inspector.diagnose()
