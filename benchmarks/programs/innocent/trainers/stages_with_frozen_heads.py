"""Three tasks one after the other: each stage trains its head, the trunk is frozen in the middle one.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.FloatTensor(X) / 16, torch.LongTensor(Y)


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.heads = nn.ModuleDict(
            {"digit": nn.Linear(32, 10), "parity": nn.Linear(32, 2), "ink": nn.Linear(32, 1)}
        )

    def forward(self, x):
        h = self.trunk(x)
        return {name: head(h) for name, head in self.heads.items()}


model = MultiTask()


def stage(task, steps, frozen=()):
    for name, p in model.named_parameters():
        p.requires_grad_(not any(name.startswith(f) for f in frozen))
    opt = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01, momentum=0.9)
    for _ in range(steps):
        b = torch.randint(len(X), (50,))
        out = model(X[b])[task]
        if task == "digit":
            loss = F.cross_entropy(out, Y[b])
        elif task == "parity":
            loss = F.cross_entropy(out, Y[b] % 2)
        else:
            loss = F.mse_loss(out.squeeze(1), X[b].mean(1))
        opt.zero_grad()
        loss.backward()
        opt.step()


with Inspector(model) as inspector:
    stage("digit", 120)
    stage("parity", 60, frozen=("trunk", "heads.digit", "heads.ink"))
    stage("ink", 60, frozen=("heads.digit", "heads.parity"))
diagnosis = inspector.diagnose()
