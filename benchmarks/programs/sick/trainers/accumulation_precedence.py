"""``i + 1 % 4 == 0`` is ``i + (1 % 4) == 0``: never true, so the optimizer never steps.

expect: CD202
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
opt = torch.optim.Adam(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for i in range(100):
        k = torch.randint(len(X), (32,))
        z = F.normalize(net(X[k]))
        s = z @ z.T / 0.1 - 1e9 * torch.eye(32)
        same = (y[k][:, None] == y[k]).float() * (1 - torch.eye(32))
        loss = -(F.log_softmax(s, 1) * same).sum(1).div(same.sum(1).clamp(min=1)).mean() / 4
        loss.backward()
        if i + 1 % 4 == 0:  # fault
            opt.step()
            opt.zero_grad()
diagnosis = inspector.diagnose()
