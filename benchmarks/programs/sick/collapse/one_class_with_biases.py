"""Deep SVDD with biases and a centre that the network can reach: every input becomes the centre.

expect: CD301
first: gradual
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn, optim

from collapse_doctor import Inspector

bunch = load_breast_cancer()
normal = torch.tensor(bunch.data[bunch.target == 1]).float()
normal = (normal - normal.mean(0)) / normal.std(0)
phi = nn.Sequential(nn.Linear(30, 64), nn.LeakyReLU(0.1), nn.Linear(64, 16))
centre = torch.full((16,), 0.5)
solver = optim.Adam(phi.parameters(), lr=2e-3)
with Inspector(phi) as inspector:
    for epoch in range(300):
        for chunk in torch.randperm(len(normal)).split(100)[:-1]:
            loss = torch.mean(torch.sum((phi(normal[chunk]) - centre) ** 2, dim=1))
            solver.zero_grad()
            loss.backward()
            solver.step()
diagnosis = inspector.diagnose()
