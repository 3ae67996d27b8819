"""Deep hashing: tanh codes of 24 bits, a pairwise likelihood, and a term that drives them to ±1.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X, dtype=torch.float32) / 8 - 1, torch.tensor(y)


class Hasher(nn.Module):
    def __init__(self, bits=24):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, bits)
        )

    def forward(self, x):
        return torch.tanh(self.net(x))


hasher = Hasher()
opt = torch.optim.Adam(hasher.parameters(), lr=1e-3)
with Inspector(hasher) as inspector:
    for epoch in range(12):
        for idx in torch.randperm(len(X)).split(64)[:-1]:
            u = hasher(X[idx])
            inner = u @ u.t() / 2
            s = (y[idx][:, None] == y[idx][None, :]).float()
            likelihood = (F.softplus(inner) - s * inner).mean()
            quantised = (u.abs() - 1).pow(2).mean()
            balanced = u.mean(0).pow(2).mean()
            loss = likelihood + 0.1 * quantised + 0.1 * balanced
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
