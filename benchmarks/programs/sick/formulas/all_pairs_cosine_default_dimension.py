"""The cosine of all pairs by broadcasting, but the default dim=1 is one of the batch there.

expect: CD206
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
opt = torch.optim.Adam(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for step in range(60):
        x = X[torch.randint(len(X), (32,))]
        a, b = net(x + 0.1 * torch.randn_like(x)), net(x + 0.1 * torch.randn_like(x))
        sim = F.cosine_similarity(a.unsqueeze(1), b.unsqueeze(0))  # fault
        loss = F.cross_entropy(sim / 0.1, torch.arange(32))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
