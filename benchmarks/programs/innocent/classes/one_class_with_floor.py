"""One-class description: the rows are pulled to a centre, and a floor under their deviation holds.

expect: healthy
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn, optim

from collapse_doctor import Inspector

bunch = load_breast_cancer()
normal = torch.tensor(bunch.data[bunch.target == 1]).float()
normal = (normal - normal.mean(0)) / normal.std(0)

phi = nn.Sequential(nn.Linear(30, 64, bias=False), nn.LeakyReLU(0.1), nn.Linear(64, 16, bias=False))
with torch.no_grad():
    centre = phi(normal).mean(0)
solver = optim.AdamW(phi.parameters(), lr=1e-3, weight_decay=1e-4)
with Inspector(phi) as inspector:
    for epoch in range(60):
        for chunk in torch.randperm(len(normal)).chunk(5):
            z = phi(normal[chunk])
            compact = ((z - centre) ** 2).sum(1).mean()
            floor = torch.relu(0.5 - (z.var(0) + 1e-4).sqrt()).mean()
            solver.zero_grad()
            (0.05 * compact + 25 * floor).backward()
            solver.step()
diagnosis = inspector.diagnose()
