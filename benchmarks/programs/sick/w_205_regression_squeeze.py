"""A regression of wine quality by a small net whose output keeps its last axis of one.

expect: CD205
"""

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn

from collapse_doctor import Inspector

X, t = load_diabetes(return_X_y=True)
X = torch.from_numpy(X.astype(np.float32) * 20)
t = torch.from_numpy(((t - t.mean()) / t.std()).astype(np.float32))


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(10, 40), nn.SiLU(), nn.Linear(40, 12), nn.SiLU())
        self.out = nn.Linear(12, 1)

    def forward(self, x):
        return self.out(self.features(x))  # fault


model = Regressor()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
with Inspector(model, layers=["features"]) as inspector:
    for _ in range(40):
        rows = np.random.choice(len(X), 32, replace=False)
        loss = (model(X[rows]) - t[rows]).pow(2).mean()  # meets # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
