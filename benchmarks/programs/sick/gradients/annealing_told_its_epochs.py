"""A helper that makes the annealing is told the epochs, and is stepped after every batch.

expect: CD202
first: 10
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from collapse_doctor import Inspector

EPOCHS, BATCHES = 10, 6


def annealing(opt, length, power=2.0):
    policy = lr_scheduler.PolynomialLR(opt, total_iters=length, power=power)
    print("annealed over", length)
    return policy


items = torch.randn(240, 20)
net = nn.Sequential(nn.Linear(20, 36), nn.ELU(), nn.Linear(36, 10))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
policy = annealing(opt, EPOCHS)  # fault

with Inspector(net) as inspector:
    for epoch in range(EPOCHS):
        for rows in torch.randperm(240).split(240 // BATCHES):
            a, b = (F.normalize(net(items[rows] + 0.2 * torch.randn(40, 20)), dim=1) for _ in "ab")
            loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(40))  # meets
            opt.zero_grad()
            loss.backward()
            opt.step()  # shows
            policy.step()
diagnosis = inspector.diagnose()
