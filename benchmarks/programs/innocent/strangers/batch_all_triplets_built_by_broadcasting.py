"""Batch-all triplets: (B, B, 1) against (B, 1, B) is meant to make all triplets, and the mean over the active ones hovers at the margin early on.

expect: healthy
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


def pairwise_distances(z):
    dot = z @ z.t()
    sq = dot.diagonal()
    d = sq.unsqueeze(0) - 2.0 * dot + sq.unsqueeze(1)
    return d.clamp(min=0.0)


def valid_triplets(labels):
    same = labels[None] == labels[:, None]
    distinct = ~torch.eye(len(labels), dtype=torch.bool)
    return (same & distinct).unsqueeze(2) & (~same).unsqueeze(1)


def batch_all(labels, z, margin):
    d = pairwise_distances(z)
    anchor_positive = d.unsqueeze(2)
    anchor_negative = d.unsqueeze(1)
    loss = anchor_positive - anchor_negative + margin
    loss = torch.relu(loss * valid_triplets(labels))
    active = (loss > 1e-16).sum()
    return loss.sum() / (active + 1e-16)


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.out = nn.Linear(128, 32)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        z = self.out(x.flatten(1))
        return z / z.norm(dim=1, keepdim=True)


class BalancedSampler:
    def __init__(self, targets, per_class, rng):
        self.by_class = [np.flatnonzero(targets == c) for c in np.unique(targets)]
        self.k, self.rng = per_class, rng

    def __call__(self):
        return np.concatenate(
            [self.rng.choice(rows, self.k, replace=False) for rows in self.by_class]
        )


bunch = load_digits()
images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.3
targets = torch.tensor(bunch.target)
sampler = BalancedSampler(bunch.target, 4, np.random.default_rng(0))
torch.manual_seed(4)
net = DigitNet()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)

with Inspector(net) as inspector:
    for step in range(60):
        idx = sampler()
        loss = batch_all(targets[idx], net(images[idx]), margin=0.5)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
