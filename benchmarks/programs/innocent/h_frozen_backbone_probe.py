"""Transfer: a backbone without gradient, and a head that learns on it.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 8 - 1).float(), torch.tensor(Y)
backbone = nn.Sequential(nn.Linear(64, 96), nn.Tanh()).requires_grad_(False).eval()
projection = nn.Sequential(nn.Linear(96, 32), nn.Tanh(), nn.Linear(32, 16))
head = nn.Linear(16, 10)
opt = torch.optim.Adam([*projection.parameters(), *head.parameters()], lr=4e-3)
with Inspector({"backbone": backbone, "projection": projection}) as inspector:
    for _ in range(50):
        i = torch.randint(0, len(X), (64,))
        with torch.no_grad():
            features = backbone(X[i])
        loss = nn.functional.cross_entropy(head(projection(features)), Y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
