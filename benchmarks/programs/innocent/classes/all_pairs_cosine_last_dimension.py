"""The cosine of all pairs by broadcasting, along the features, against prototypes that are learnt.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
prototypes = nn.Parameter(torch.randn(10, 32))
cos = nn.CosineSimilarity(dim=2)
opt = torch.optim.Adam([*net.parameters(), prototypes], 1e-3)
with Inspector(net) as inspector:
    for step in range(120):
        i = torch.randint(len(X), (32,))
        z = net(X[i])
        other = net(X[i] + 0.1 * torch.randn(32, 64))
        loss = F.cross_entropy(cos(z[:, None], prototypes[None]) * 10, y[i])
        loss = loss + F.cross_entropy(
            cos(z.unsqueeze(1), other.unsqueeze(0)) * 10, torch.arange(32)
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
