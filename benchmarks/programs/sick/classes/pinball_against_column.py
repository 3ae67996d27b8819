"""Quantile regression by hand: the model squeezes its column, the data set keeps the target's.

expect: CD205
"""

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector

X, y = load_diabetes(return_X_y=True)
data = TensorDataset(torch.tensor(X).float() * 20, torch.tensor(y).float().reshape(-1, 1) / 100)


class Quantile(nn.Module):
    def __init__(self, tau=0.8):
        super().__init__()
        self.tau = tau
        self.layers = nn.Sequential(nn.Linear(10, 32), nn.ELU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.layers(x)[:, 0]

    def loss(self, x, target):
        error = target - self(x)  # fault
        return torch.where(error >= 0, self.tau * error, (self.tau - 1) * error).mean()


model = Quantile()
opt = torch.optim.Adam(model.parameters(), 1e-2)
with Inspector(model) as inspector:
    for epoch in range(6):
        for x, t in DataLoader(data, batch_size=34, shuffle=True):
            opt.zero_grad()
            model.loss(x, t).backward()
            opt.step()
diagnosis = inspector.diagnose()
