"""Features for a distillation are caught by hooks; those of teacher and student share one key.

expect: CD104
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import DIGITS, LABELS
from collapse_doctor import Inspector


def parse(argv=()):
    parser = argparse.ArgumentParser()
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--temperature", type=float, default=4.0)
    parser.add_argument("--layer", default="features")
    parser.add_argument("--epochs", type=int, default=2)
    return parser.parse_args(argv)


class ConvNet(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 24, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(96, 10)

    def forward(self, x):
        return self.classifier(self.features(x))


class Catcher:
    def __init__(self):
        self.caught = {}

    def attach(self, model, layer, tag):
        def hook(module, args, output):
            self.caught[layer] = output  # fault

        return model.get_submodule(layer).register_forward_hook(hook)


class Distiller:
    def __init__(self, teacher, student, args):
        self.teacher, self.student, self.args = teacher.eval(), student, args
        self.catcher = Catcher()
        self.handles = [
            self.catcher.attach(student, args.layer, "student"),
            self.catcher.attach(teacher, args.layer, "teacher"),
        ]
        self.optimizer = torch.optim.Adam(student.parameters(), 2e-3)

    def loss(self, x, y):
        with torch.no_grad():
            soft = self.teacher(x)
        logits = self.student(x)
        s = self.catcher.caught[self.args.layer]
        t = self.catcher.caught[self.args.layer]  # shows
        hint = F.mse_loss(F.normalize(s, dim=1), F.normalize(t, dim=1))  # meets
        tau = self.args.temperature
        kd = F.kl_div(F.log_softmax(logits / tau, 1), F.softmax(soft / tau, 1), reduction="none")
        kd = kd.sum(1).mean() * tau**2
        ce = F.cross_entropy(logits, y)
        return ce + self.args.alpha * kd + hint

    def run(self, epochs):
        self.student.train()
        for _ in range(epochs):
            for rows in torch.randperm(1500).split(50):
                self.optimizer.zero_grad()
                self.loss(DIGITS[rows].view(-1, 1, 8, 8), LABELS[rows]).backward()
                self.optimizer.step()

    def close(self):
        for handle in self.handles:
            handle.remove()


def pretrain(teacher):
    optimizer = torch.optim.Adam(teacher.parameters(), 3e-3)
    for rows in torch.randint(1500, (60, 64)):
        optimizer.zero_grad()
        F.cross_entropy(teacher(DIGITS[rows].view(-1, 1, 8, 8)), LABELS[rows]).backward()
        optimizer.step()
    return teacher.requires_grad_(False)


args = parse()
teacher, student = pretrain(ConvNet(32)), ConvNet(8)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    distiller = Distiller(teacher, student, args)
    distiller.run(args.epochs)
    distiller.close()
diagnosis = inspector.diagnose()
