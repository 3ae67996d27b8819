"""Embedding plus regressor: predictions (B, 1) against targets (B,), squared by hand.

expect: CD205
"""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

from collapse_doctor import Inspector

d = load_diabetes()
X = torch.tensor(d.data * 20, dtype=torch.float32)
t = torch.tensor((d.target - d.target.mean()) / d.target.std(), dtype=torch.float32)

embed = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 16), nn.ReLU())
regress = nn.Linear(16, 1)
optimizer = torch.optim.Adam([*embed.parameters(), *regress.parameters()], lr=2e-3)
with Inspector({"embed": embed, "regress": regress}) as inspector:
    for _ in range(30):
        i = torch.randint(0, len(X), (64,))
        pred = regress(embed(X[i]))
        error = pred - t[i]  # fault # meets
        loss = (error**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
