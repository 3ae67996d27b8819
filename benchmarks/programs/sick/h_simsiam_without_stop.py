"""SimSiam without its stop-gradient: the loss falls to -1 at once.

expect: CD208
"""

import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from collapse_doctor import Inspector


class SimSiam(nn.Module):
    def __init__(self, d_in=30, d=24):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(d_in, 64), nn.ReLU(), nn.Linear(64, d))
        self.h = nn.Sequential(nn.Linear(d, 12), nn.ReLU(), nn.Linear(12, d))

    def forward(self, x1, x2):
        z1, z2 = self.f(x1), self.f(x2)
        return self.h(z1), self.h(z2), z1, z2


def D(p, z):
    return -cosine_similarity(p, z, dim=1).mean()  # fault # meets


model = SimSiam()
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
W = torch.randn(8, 30)
with Inspector({"model": model, "encoder": model.f}) as inspector:
    for _ in range(40):
        s = torch.randn(64, 8)
        p1, p2, z1, z2 = model(s @ W + 0.3 * torch.randn(64, 30), s @ W + 0.3 * torch.randn(64, 30))
        loss = D(p1, z2) / 2 + D(p2, z1) / 2  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
