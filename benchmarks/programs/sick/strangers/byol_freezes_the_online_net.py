"""BYOL freezes the online encoder where the target was meant, so only the predictor learns and the average follows a fixed network.

expect: CD202
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

torch.manual_seed(7)
images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16


def augment(x):
    dy, dx = (int(v) for v in torch.randint(-1, 2, (2,)))
    x = torch.roll(x, shifts=(dy, dx), dims=(2, 3))
    return x * (0.8 + 0.4 * torch.rand(len(x), 1, 1, 1)) + 0.1 * torch.randn_like(x)


online = nn.Sequential(
    nn.Conv2d(1, 20, 3, padding=1),
    nn.BatchNorm2d(20),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(320, 80),
    nn.BatchNorm1d(80),
    nn.ReLU(),
    nn.Linear(80, 32),
)
target = copy.deepcopy(online)
for p in online.parameters():
    p.requires_grad = False  # fault
predictor = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
optimizer = torch.optim.Adam([*online.parameters(), *predictor.parameters()], lr=2e-3)


def regression(p, z):
    return 2 - 2 * F.cosine_similarity(p, z, dim=-1).mean()  # meets


@torch.no_grad()
def move_target(m=0.99):
    for q, k in zip(online.parameters(), target.parameters()):
        k.mul_(m).add_(q, alpha=1 - m)


with Inspector({"online": online, "target": target}) as inspector:
    for step in range(40):
        x = images[torch.randint(len(images), (72,))]
        v1, v2 = augment(x), augment(x)
        with torch.no_grad():
            t1, t2 = target(v1), target(v2)
        loss = regression(predictor(online(v1)), t2) + regression(predictor(online(v2)), t1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        move_target()
diagnosis = inspector.diagnose()
