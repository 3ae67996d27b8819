"""The usual sanity check: one batch, learned by heart.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
pick = torch.randperm(len(X))[:64]
x, y = torch.tensor(X / 16).float()[pick], torch.tensor(Y)[pick]
net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))
head = nn.Linear(32, 10)
opt = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(60):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(head(net(x)), y)
        loss.backward()
        opt.step()
assert loss < 0.5
diagnosis = inspector.diagnose()
