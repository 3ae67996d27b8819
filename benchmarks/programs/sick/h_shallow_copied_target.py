"""BYOL with copy.copy: the target network shares every parameter with the online one.

expect: CD108
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def mlp(*widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()]
    return nn.Sequential(*layers[:-2])


online = mlp(30, 64, 24)
target = copy.copy(online)  # fault
predictor = mlp(24, 48, 24)
optimizer = torch.optim.Adam([*online.parameters(), *predictor.parameters()], lr=1e-3)
mixing = torch.randn(8, 30)


def regression_loss(p, z):
    return 2 - 2 * F.cosine_similarity(p, z, dim=-1).mean()  # meets


with Inspector({"online": online, "target": target}) as inspector:
    for it in range(30):
        latent = torch.randn(64, 8)
        v1, v2 = (latent @ mixing + 0.3 * torch.randn(64, 30) for _ in range(2))
        with torch.no_grad():
            t1, t2 = target(v1), target(v2)  # shows
        loss = regression_loss(predictor(online(v1)), t2) + regression_loss(
            predictor(online(v2)), t1
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for a, b in zip(target.parameters(), online.parameters()):
                a.lerp_(b, 0.01)
diagnosis = inspector.diagnose()
