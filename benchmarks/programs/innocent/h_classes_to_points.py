"""Classification to the end, by which each class becomes almost one point.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)
net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 16))
head = nn.Linear(16, 10)
opt = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=5e-3)
with Inspector(net) as inspector:
    for _ in range(60):
        i = torch.randint(0, len(X), (256,))
        loss = nn.functional.cross_entropy(head(net(X[i])), Y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        inspector.step(loss=loss, labels=Y[i])
diagnosis = inspector.diagnose()
