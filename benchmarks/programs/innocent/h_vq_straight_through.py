"""VQ autoencoder: straight-through estimator, commitment and code-book losses with detached sides.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X = torch.tensor(load_digits().data / 16, dtype=torch.float32)
X = 2 * (X - X.mean(0))
enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
dec = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64))
with torch.no_grad():
    book = nn.Parameter(enc(X[torch.randperm(len(X))[:64]]).clone())
opt = torch.optim.Adam(
    [
        {"params": [*enc.parameters(), *dec.parameters()], "lr": 1e-3},
        {"params": [book], "lr": 3e-2},
    ]
)
with Inspector(enc) as inspector:
    for _ in range(60):
        x = X[torch.randint(0, len(X), (128,))]
        z = enc(x)
        q = book[torch.cdist(z, book).argmin(1)]
        straight = z + (q - z).detach()
        loss = F.mse_loss(dec(straight), x) + F.mse_loss(q, z.detach()) + F.mse_loss(z, q.detach())
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
