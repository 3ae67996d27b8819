"""An augmentation that works in place and returns its argument: both views are the same tensor.

expect: CD107
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def augment(x):
    mask = torch.rand(x.shape) < 0.2
    x[mask] = 0.0  # fault
    return x.add_(0.1 * torch.randn(x.shape))  # fault


class Momentum(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.online = make()
        self.predictor = nn.Linear(16, 16)

    def forward(self, a, b):
        za, zb = self.online(a), self.online(b)
        pa, pb = self.predictor(za), self.predictor(zb)
        return self.term(pa, zb) + self.term(pb, za)

    @staticmethod
    def term(p, z):
        return 2 - 2 * F.cosine_similarity(p, z.detach(), dim=1).mean()  # meets


model = Momentum(
    lambda: nn.Sequential(nn.Linear(24, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 16))
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
recordings = torch.randn(300, 24)

with Inspector(model.online) as inspector:
    for _ in range(30):
        x = recordings[torch.randint(0, 300, (40,))].clone()
        loss = model(augment(x), augment(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
