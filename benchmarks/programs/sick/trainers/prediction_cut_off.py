"""SimSiam with the stop-gradient on the prediction instead of on the target.

expect: CD208, CD301
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cosine_similarity

from collapse_doctor import Inspector

X = torch.tensor(load_digits().data).float() / 16
f = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
h = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 32))
opt = torch.optim.SGD([*f.parameters(), *h.parameters()], 0.2, momentum=0.9)
with Inspector(f) as inspector:
    for it in range(200):
        x = X[torch.randint(len(X), (128,))]
        z1, z2 = f(x + 0.2 * torch.randn_like(x)), f(x + 0.2 * torch.randn_like(x))
        p1, p2 = h(z1), h(z2)
        loss = (
            -cosine_similarity(p1.detach(), z2).mean() - cosine_similarity(p2.detach(), z1).mean()
        )  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
