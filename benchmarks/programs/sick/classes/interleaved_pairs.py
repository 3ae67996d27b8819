"""Pairs lie interleaved in the batch; both slices of the trainer start at the even rows.

expect: CD102
"""

from dataclasses import dataclass

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


@dataclass
class Pairs:
    step: int = 2

    def __call__(self, z):
        return z[:: self.step], z[0 :: self.step]  # fault


class Trainer:
    def __init__(self, model, pairs):
        self.model, self.pairs = model, pairs
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        self.criterion = nn.CosineEmbeddingLoss(margin=0.2)

    def fit(self, data):
        for x, y in data:
            same = torch.where(y[::2] == y[1::2], 1.0, -1.0)
            loss = self.criterion(*self.pairs(self.model(x)), same)  # meets
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


trainer = Trainer(Encoder(), Pairs())
with Inspector(trainer.model) as inspector:
    trainer.fit(batches(20))
diagnosis = inspector.diagnose()
