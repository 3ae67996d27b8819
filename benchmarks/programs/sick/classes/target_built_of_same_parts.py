"""Two "different" modality encoders are built from one dictionary of layers, so share every weight.

expect: CD108
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def build(layers, order):
    return nn.Sequential(*(layers[name] for name in order))


PARTS = {"in": nn.Linear(24, 48), "act": nn.SELU(), "out": nn.Linear(48, 16)}


class Dual(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = build(PARTS, ("in", "act", "out"))
        self.teacher = build(PARTS, ("in", "act", "out"))  # fault

    def forward(self, x):
        s = self.student(x + 0.1 * torch.randn_like(x))
        with torch.no_grad():
            t = self.teacher(x)
        return s, t

    @torch.no_grad()
    def momentum(self, m=0.99):
        for s, t in zip(self.student.parameters(), self.teacher.parameters()):
            t.mul_(m).add_(s, alpha=1 - m)


dual = Dual()
predictor = nn.Linear(16, 16)
opt = torch.optim.SGD([*dual.student.parameters(), *predictor.parameters()], 0.05)
with Inspector(dual) as inspector:
    for i in range(60):
        x = torch.randn(40, 24)
        s, t = dual(x)
        loss = 2 - 2 * F.cosine_similarity(predictor(s), t).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        dual.momentum()
diagnosis = inspector.diagnose()
