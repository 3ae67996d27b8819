"""SimCLR first; then the same network is fine-tuned on two classes, all under one watch.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)
enc, head = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32)), nn.Linear(32, 2)


def aug(x):
    return x * (torch.rand_like(x) > 0.2) + 0.1 * torch.randn_like(x)


with Inspector(enc) as inspector:
    opt = torch.optim.Adam(enc.parameters(), 1e-3)
    for _ in range(150):
        x = X[torch.randint(len(X), (64,))]
        z = F.normalize(torch.cat([enc(aug(x)), enc(aug(x))]), dim=1)
        s = (z @ z.T / 0.3).masked_fill(torch.eye(128, dtype=torch.bool), -1e9)
        loss = F.cross_entropy(s, torch.arange(128).roll(64))
        opt.zero_grad()
        loss.backward()
        opt.step()
    opt = torch.optim.Adam([*enc.parameters(), *head.parameters()], 1e-3)
    for _ in range(300):
        b = torch.randint(len(X), (64,))
        loss = F.cross_entropy(head(enc(X[b])), (y[b] > 4).long())
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
