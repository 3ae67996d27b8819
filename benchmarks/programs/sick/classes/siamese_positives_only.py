"""A trainer draws pairs of one class only: every target is 1.

expect: CD208
"""

import torch
from torch import nn

from benchmarks.programs.common import DIGITS, LABELS, Encoder
from collapse_doctor import Inspector


class Positives:
    def __init__(self):
        self.classes = [DIGITS[LABELS == digit] for digit in range(10)]

    def __iter__(self):
        for _ in range(40):
            rows = (self.classes[digit % 10] for digit in range(32))
            one, other = zip(*(group[torch.randperm(len(group))[:2]] for group in rows))
            yield torch.stack(one), torch.stack(other)


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
        self.criterion = nn.CosineEmbeddingLoss()

    def fit(self, pairs):
        for one, other in pairs:
            target = torch.ones(len(one))
            loss = self.criterion(self.model(one), self.model(other), target)  # fault, meets
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


trainer = Trainer(Encoder())
with Inspector(trainer.model) as inspector:
    trainer.fit(Positives())
diagnosis = inspector.diagnose()
