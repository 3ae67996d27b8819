"""End-to-end metric learning in which the optimizer got the loss's proxies only.

expect: CD202
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class ProxyNCA(nn.Module):
    def __init__(self, classes, dim, scale=8.0):
        super().__init__()
        self.proxies = nn.Parameter(torch.randn(classes, dim))
        self.scale = scale

    def forward(self, z, y):
        distance = torch.cdist(F.normalize(z, dim=1), F.normalize(self.proxies, dim=1)).pow(2)
        return F.cross_entropy(-self.scale * distance, y)


data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 24))
criterion = ProxyNCA(10, 24)
optimizer = torch.optim.Adam(criterion.parameters(), lr=1e-2)  # fault

with Inspector(encoder) as inspector:
    for rows in torch.randperm(1600).split(50):
        loss = criterion(encoder(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
