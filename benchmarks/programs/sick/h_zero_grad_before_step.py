"""The gradients are cleared between backward and step.

expect: CD202
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

x_all, y_all = load_digits(return_X_y=True)
x_all = torch.as_tensor(x_all, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
y_all = torch.as_tensor(y_all)


def supcon(z, y, tau=0.2):
    z = F.normalize(z, dim=1)
    eye = torch.eye(len(z), dtype=torch.bool)
    logp = (z @ z.T / tau).masked_fill(eye, -1e9).log_softmax(1)
    same = (y[:, None] == y[None]) & ~eye
    return -(logp * same).sum(1).div(same.sum(1).clamp_min(1)).mean()


net = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12 * 36, 32))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
with Inspector(net) as inspector:
    for _ in range(30):
        i = torch.randint(0, len(x_all), (64,))
        loss = supcon(net(x_all[i]), y_all[i])
        loss.backward()
        opt.zero_grad()  # fault
        opt.step()  # shows
diagnosis = inspector.diagnose()
