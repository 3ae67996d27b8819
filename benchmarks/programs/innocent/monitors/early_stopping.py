"""A trainer keeps the best state and puts it back.

expect: healthy
"""

import copy

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, batches, mlp
from collapse_doctor import Inspector


class Trainer:
    def __init__(self):
        self.m = mlp(64, 64, 10)
        self.o = torch.optim.NAdam(self.m.parameters())
        self.best = 9
        self.state = None

    def run(self, inspector):
        for ep in range(5):
            self.m.train()
            for x, y in batches(20, 64):
                self.one(inspector, x, y)
            self.m.eval()
            with torch.inference_mode():
                v = F.cross_entropy(self.m(DIGITS[1500:]), LABELS[1500:]).item()
            if v < self.best:
                self.best = v
                self.state = copy.deepcopy(self.m.state_dict())
        self.m.load_state_dict(self.state)

    def one(self, inspector, x, y):
        loss = F.cross_entropy(self.m(x), y)
        self.o.zero_grad()
        loss.backward()
        self.o.step()
        inspector.step(loss=loss, labels=y)


trainer = Trainer()
with Inspector(trainer.m) as inspector:
    trainer.run(inspector)
diagnosis = inspector.diagnose()
