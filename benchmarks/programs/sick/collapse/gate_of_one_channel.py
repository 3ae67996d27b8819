"""The last layer gives one number that is broadcast over a learnt vector: all rows lie on one line.

expect: CD302
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)


class Scaled(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.out = nn.Linear(64, 1)  # fault
        self.gain = nn.Parameter(torch.randn(d))
        self.shift = nn.Parameter(torch.zeros(d))

    def forward(self, x):
        return self.out(self.body(x)) * self.gain + self.shift


net = Scaled()
opt = torch.optim.Adam(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for step in range(200):
        i = torch.randint(len(X), (3, 64))
        z = net(X[i.flatten()]).view(3, 64, -1)
        same = [torch.nonzero(y == c).flatten() for c in range(10)]
        p = torch.stack([same[int(c)][torch.randint(100, ()).item()] for c in y[i[0]]])
        loss = F.triplet_margin_loss(z[0], net(X[p]), z[2])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
