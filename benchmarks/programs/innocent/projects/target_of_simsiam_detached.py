"""A SimSiam project with a switch for the stop-gradient, accumulation and a checkpoint.

expect: healthy
"""

import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import DIGITS, LABELS, augment
from collapse_doctor import Inspector

DEFAULTS = {"stop_grad": False, "dim": 32, "lr": 0.05, "epochs": 3, "batch": 50, "accumulate": 2}
OVERRIDES = {"stop_grad": True, "lr": 0.05}


class SimSiam(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 96),
            nn.BatchNorm1d(96),
            nn.ReLU(),
            nn.Linear(96, dim),
            nn.BatchNorm1d(dim, affine=False),
        )

    def forward(self, x):
        return self.encoder(x)


class Predictor(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, 16), nn.ReLU(), nn.Linear(16, dim))

    def forward(self, z):
        return self.net(z)


class Experiment:
    def __init__(self, overrides):
        self.cfg = {**DEFAULTS, **overrides}
        self.model = SimSiam(self.cfg["dim"])
        self.predictor = Predictor(self.cfg["dim"])
        groups = [
            {"params": self.model.parameters(), "fix_lr": False},
            {"params": self.predictor.parameters(), "fix_lr": True},
        ]
        self.optimizer = torch.optim.SGD(groups, lr=self.cfg["lr"], momentum=0.9)

    def target(self, z):
        return z.detach() if self.cfg["stop_grad"] else z

    def distance(self, p, z):
        return -F.cosine_similarity(p, self.target(z), dim=-1).mean()

    def loss(self, x):
        z1, z2 = self.model(augment(x)), self.model(augment(x))
        p1, p2 = (self.predictor(z) for z in (z1, z2))
        return (self.distance(p1, z2) + self.distance(p2, z1)) / 2

    def adjust(self, progress):
        for group in self.optimizer.param_groups:
            if not group["fix_lr"]:
                group["lr"] = self.cfg["lr"] * (1 - 0.9 * progress)

    def epoch(self, number):
        self.model.train()
        self.adjust(number / self.cfg["epochs"])
        for i, rows in enumerate(torch.randperm(1500).split(self.cfg["batch"])):
            (self.loss(DIGITS[rows]) / self.cfg["accumulate"]).backward()
            if i % self.cfg["accumulate"] == self.cfg["accumulate"] - 1:
                self.optimizer.step()
                self.optimizer.zero_grad()

    @torch.no_grad()
    def score(self):
        self.model.eval()
        z = F.normalize(self.model(DIGITS[1500:]), dim=1)
        spread = z.std(0).mean() * z.shape[1] ** 0.5
        near = (z @ z.T).fill_diagonal_(-1).argmax(1)
        right = (LABELS[1500:][near] == LABELS[1500:]).float().mean()
        return {"spread": spread.item(), "knn": right.item()}

    def save(self, path):
        torch.save({"model": self.model.state_dict(), "cfg": self.cfg}, path)


experiment = Experiment(OVERRIDES)
with Inspector(experiment.model) as inspector, tempfile.TemporaryDirectory() as folder:
    for number in range(experiment.cfg["epochs"]):
        experiment.epoch(number)
        scores = experiment.score()
        experiment.save(os.path.join(folder, f"{number}.pt"))
diagnosis = inspector.diagnose()
