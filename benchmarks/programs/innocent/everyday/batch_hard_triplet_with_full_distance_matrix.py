"""A batch-hard triplet loss that wants the whole matrix of distances of the batch to itself.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

digits = load_digits()
X = torch.tensor(digits.images / 16, dtype=torch.float32)[:, None]
y = torch.tensor(digits.target)
members = [torch.nonzero(y == c).flatten() for c in range(10)]


def pk(p=10, k=6):
    rows = torch.cat(
        [members[c][torch.randperm(len(members[c]))[:k]] for c in torch.randperm(10)[:p].tolist()]
    )
    return X[rows], y[rows]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 20, 3),
            nn.BatchNorm2d(20),
            nn.LeakyReLU(0.1),
            nn.Conv2d(20, 30, 3),
            nn.BatchNorm2d(30),
            nn.LeakyReLU(0.1),
        )
        self.fc = nn.Linear(30 * 16, 16)

    def forward(self, x):
        return F.normalize(self.fc(self.conv(x).flatten(1)), dim=1)


def batch_hard(z, y, margin=0.4):
    d = torch.cdist(z, z)
    same = y[:, None] == y[None]
    hardest_pos = d.masked_fill(~same, 0.0).amax(1)
    hardest_neg = d.masked_fill(same, 9.0).amin(1)
    return F.relu(hardest_pos - hardest_neg + margin).mean()


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)

with Inspector(net) as inspector:
    for step in range(60):
        xb, yb = pk()
        loss = batch_hard(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 15 == 0:
            print(step, round(loss.item(), 4))
diagnosis = inspector.diagnose()
