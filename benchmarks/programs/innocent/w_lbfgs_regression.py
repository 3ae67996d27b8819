"""LBFGS with a closure that runs the model many times in a step.

expect: healthy
"""

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn

from collapse_doctor import Inspector

X, t = load_diabetes(return_X_y=True)
X = torch.tensor(scale(X), dtype=torch.float32)
t = torch.tensor(scale(t), dtype=torch.float32)[:, None]
model = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)


def closure():
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(X), t) + 1e-3 * sum(
        p.pow(2).sum() for p in model.parameters()
    )
    loss.backward()
    return loss


with Inspector(model, layers=["0"]) as inspector:
    for _ in range(12):
        optimizer.step(closure)

diagnosis = inspector.diagnose()
