"""ArcFace: normalised features and weights, an angular margin at the true class.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class ArcFace(nn.Module):
    def __init__(self, d, classes, s=16.0, m=0.2):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, d))
        self.s, self.m = s, m

    def forward(self, z, y):
        cos = F.linear(F.normalize(z), F.normalize(self.weight)).clamp(-1 + 1e-6, 1 - 1e-6)
        hot = F.one_hot(y, len(self.weight)).bool()
        logits = torch.where(hot, torch.cos(cos.acos() + self.m), cos)
        return F.cross_entropy(self.s * logits, y)


data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net, arc = nn.Sequential(nn.Linear(64, 96), nn.PReLU(), nn.Linear(96, 24)), ArcFace(24, 10)
optimizer = torch.optim.Adam([*net.parameters(), *arc.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    for rows in torch.randperm(1600).split(50):
        loss = arc(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
