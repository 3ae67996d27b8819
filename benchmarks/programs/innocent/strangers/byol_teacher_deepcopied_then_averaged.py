"""The EMA teacher equals the student at the first step (a deep copy) and is always near it, but owns its weights and sees the other view.

expect: healthy
"""

import copy
from dataclasses import dataclass, field

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


@dataclass
class Config:
    genes: int = 90
    sizes: list = field(default_factory=lambda: [90, 128, 40])
    tau_start: float = 0.9
    tau_end: float = 0.995
    steps: int = 60
    batch: int = 100
    lr: float = 1e-3


def network(sizes):
    a, b, c = sizes
    return nn.Sequential(
        nn.Linear(a, b),
        nn.BatchNorm1d(b),
        nn.ReLU(),
        nn.Linear(b, b),
        nn.BatchNorm1d(b),
        nn.ReLU(),
        nn.Linear(b, c),
    )


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        self.student = network(cfg.sizes)
        self.teacher = copy.deepcopy(self.student)
        for p in self.teacher.parameters():
            p.requires_grad = False
        self.predict = network([cfg.sizes[-1], 64, cfg.sizes[-1]])
        self.opt = torch.optim.AdamW(
            list(self.student.parameters()) + list(self.predict.parameters()), lr=cfg.lr
        )
        self.loadings = torch.randn(14, cfg.genes) / 3

    def cells(self):
        return torch.randn(self.cfg.batch, 14) @ self.loadings

    def drop_out(self, cells):
        return cells * (torch.rand_like(cells) > 0.2) + 0.2 * torch.randn_like(cells)

    def tau(self, i):
        return self.cfg.tau_start + (self.cfg.tau_end - self.cfg.tau_start) * i / self.cfg.steps

    def loss(self, one, two):
        with torch.no_grad():
            goal = F.normalize(self.teacher(two), dim=-1)
        guess = F.normalize(self.predict(self.student(one)), dim=-1)
        return (guess - goal).square().sum(-1).mean()

    def run(self):
        for i in range(self.cfg.steps):
            cells = self.cells()
            one, two = self.drop_out(cells), self.drop_out(cells)
            loss = self.loss(one, two) + self.loss(two, one)
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            with torch.no_grad():
                for t, s in zip(
                    self.teacher.state_dict().values(), self.student.state_dict().values()
                ):
                    if t.is_floating_point():
                        t.mul_(self.tau(i)).add_(s, alpha=1 - self.tau(i))
            if i % 15 == 0:
                print(i, loss.item())


trainer = Trainer(Config())
with Inspector({"student": trainer.student, "teacher": trainer.teacher}) as inspector:
    trainer.run()
diagnosis = inspector.diagnose()
