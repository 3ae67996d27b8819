"""Regression by cosine similarity on outputs of one column: every cosine is 1 or -1.

expect: CD105
"""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

from collapse_doctor import Inspector

bunch = load_diabetes(scaled=True)
X = torch.tensor(bunch.data, dtype=torch.float32) * 20
y = torch.tensor((bunch.target - 152) / 77, dtype=torch.float32).unsqueeze(1)

regressor = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
similarity = nn.CosineSimilarity(dim=1)
opt = torch.optim.SGD(regressor.parameters(), lr=0.01)
with Inspector(regressor) as inspector:
    for epoch in range(5):
        for idx in torch.randperm(len(X)).split(64)[:6]:
            prediction = regressor(X[idx])
            loss = 1 - similarity(prediction, y[idx]).mean()  # fault # meets
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
