"""ArcFace: angles to class weights with an additive margin.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class ArcFace(nn.Module):
    def __init__(self, d, classes, s=12.0, m=0.2):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, d))
        self.s, self.m = s, m

    def forward(self, z, y):
        cos = F.linear(F.normalize(z), F.normalize(self.weight)).clamp(-1 + 1e-6, 1 - 1e-6)
        theta = cos.acos() + self.m * F.one_hot(y, cos.shape[1])
        return F.cross_entropy(self.s * theta.cos(), y)


means = torch.randn(16, 30)
net = nn.Sequential(nn.Linear(30, 64), nn.PReLU(), nn.Linear(64, 24))
margin = ArcFace(24, 16)
opt = torch.optim.AdamW([*net.parameters(), *margin.parameters()], lr=5e-3)
with Inspector(net) as inspector:
    for _ in range(50):
        y = torch.randint(0, 16, (64,))
        loss = margin(net(means[y] + 0.8 * torch.randn(64, 30)), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
