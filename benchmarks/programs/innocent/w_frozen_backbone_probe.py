"""A linear probe on a frozen backbone, evaluated under no_grad.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
backbone = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 64)).requires_grad_(False)
probe = nn.Linear(64, 10)
optimizer = torch.optim.SGD(probe.parameters(), lr=0.5)

with Inspector({"backbone": backbone, "probe": probe}) as inspector:
    for rows in torch.randperm(1600).split(50):
        with torch.no_grad():
            features = backbone(x[rows])
        loss = nn.functional.cross_entropy(probe(features), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
