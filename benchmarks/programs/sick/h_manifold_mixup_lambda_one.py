"""Manifold mixup with a coefficient fixed to 1: the mixed code is the code.

expect: CD104
"""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

parser = argparse.ArgumentParser()
parser.add_argument("--lam", type=float, default=1.0)  # fault
parser.add_argument("--steps", type=int, default=25)
args = parser.parse_args([])

means = torch.randn(6, 22)
encoder = nn.Sequential(nn.Linear(22, 48), nn.ReLU(), nn.Linear(48, 20))
classifier = nn.Linear(20, 6)
optimizer = torch.optim.Adam([*encoder.parameters(), *classifier.parameters()], lr=2e-3)
with Inspector(encoder) as inspector:
    for _ in range(args.steps):
        y = torch.randint(0, 6, (60,))
        h = encoder(means[y] + torch.randn(60, 22))
        perm = torch.randperm(60)
        mixed = args.lam * h + (1 - args.lam) * h[perm]  # shows
        smooth = F.mse_loss(mixed, h)  # meets
        loss = F.cross_entropy(classifier(mixed), y) + 0.1 * smooth
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
