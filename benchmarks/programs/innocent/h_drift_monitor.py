"""A monitor, not a loss: the embedding of a fixed probe is held against the one a step ago.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)
probe = X[:64]
net = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 20))
head = nn.Linear(20, 10)
opt = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=3e-3)
drift, last = [], None
with Inspector(net) as inspector:
    for _ in range(45):
        i = torch.randint(0, len(X), (64,))
        loss = F.cross_entropy(head(net(X[i])), Y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            z = net(probe)
            if last is not None:
                drift.append(F.cosine_similarity(z, last).mean().item())
            last = z.clone()
diagnosis = inspector.diagnose()
