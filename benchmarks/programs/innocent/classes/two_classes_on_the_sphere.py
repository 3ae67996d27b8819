"""Supervised contrast of two classes on the sphere: in the end two opposite points, as they should be.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y) % 2
enc = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))
opt = torch.optim.Adam(enc.parameters(), 1e-3)
with Inspector(enc) as inspector:
    for it in range(500):
        b = torch.randint(len(X), (128,))
        z = F.normalize(enc(X[b]), dim=1)
        sim = z @ z.T / 0.2
        eye = torch.eye(128, dtype=torch.bool)
        same = (y[b][:, None] == y[b]) & ~eye
        logp = sim.masked_fill(eye, -1e9).log_softmax(1)
        loss = -(logp.masked_fill(~same, 0).sum(1) / same.sum(1)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
