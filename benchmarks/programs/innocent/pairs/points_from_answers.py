"""Stochastic triplet embedding: points of the plane from answers "i is nearer to j than to k".

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

truth = torch.rand(70, 2)
D = torch.cdist(truth, truth)
points = nn.Embedding(70, 2)
nn.init.normal_(points.weight, std=0.01)
opt = torch.optim.Adam(points.parameters(), lr=0.05)
with Inspector(points) as inspector:
    for _ in range(300):
        i, j, k = torch.randint(70, (3, 200))
        swap = D[i, j] > D[i, k]
        j, k = torch.where(swap, k, j), torch.where(swap, j, k)
        near = (points(i) - points(j)).square().sum(1)
        far = (points(i) - points(k)).square().sum(1)
        loss = nn.functional.softplus(near - far).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
score = (near < far).float().mean().item()
diagnosis = inspector.diagnose()
