"""Masked prediction of slow-teacher features (data2vec-like), loss on masked positions only.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Patches(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.inp = nn.Linear(8, d)
        self.mask = nn.Parameter(torch.zeros(d))
        self.pos = nn.Parameter(0.1 * torch.randn(8, d))
        self.layer = nn.TransformerEncoderLayer(
            d, 4, 64, dropout=0.0, batch_first=True, norm_first=True
        )

    def forward(self, x, hidden=None):
        h = self.inp(x)
        if hidden is not None:
            h = torch.where(hidden[..., None], self.mask, h)
        return self.layer(h + self.pos)


student = Patches()
teacher = copy.deepcopy(student).requires_grad_(False)
predict, rebuild = nn.Linear(32, 32), nn.Linear(32, 8)
opt = torch.optim.AdamW(
    [*student.parameters(), *predict.parameters(), *rebuild.parameters()], lr=1e-3
)
basis = torch.randn(10, 64)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(35):
        x = (torch.randn(32, 10) @ basis / 3).view(32, 8, 8)
        hidden = torch.rand(32, 8) < 0.4
        with torch.no_grad():
            target = F.layer_norm(teacher(x), (32,))
        h = student(x, hidden)
        loss = F.smooth_l1_loss(predict(h)[hidden], target[hidden]) + F.mse_loss(rebuild(h), x)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for t, s in zip(teacher.parameters(), student.parameters()):
                t.lerp_(s, 0.02)
diagnosis = inspector.diagnose()
