"""iBOT: an average of the student names masked tokens and the summary; centre and sharpening.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector


class Vit(nn.Module):
    def __init__(self, d=32, out=48):
        super().__init__()
        self.embed = nn.Linear(8, d)
        self.cls = nn.Parameter(torch.randn(1, 1, d) * 0.02)
        self.pos = nn.Parameter(torch.randn(1, 9, d) * 0.02)
        self.mask = nn.Parameter(torch.zeros(d))
        self.blocks = nn.Sequential(
            *[nn.TransformerEncoderLayer(d, 4, 64, 0.0, batch_first=True, norm_first=True)] * 1,
            nn.TransformerEncoderLayer(d, 4, 64, 0.0, batch_first=True, norm_first=True),
        )
        self.head = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 64), nn.GELU(), nn.Linear(64, out))

    def forward(self, x, mask=None):
        t = self.embed(x.view(-1, 8, 8))
        if mask is not None:
            t = torch.where(mask[..., None], self.mask, t)
        t = torch.cat([self.cls.expand(len(t), -1, -1), t], 1) + self.pos
        return self.head(self.blocks(t))


student = Vit()
teacher = copy.deepcopy(student).requires_grad_(False)
centre = torch.zeros(48)
opt = torch.optim.AdamW(student.parameters(), lr=1e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(150):
        base = DIGITS[torch.randint(len(DIGITS), (48,))]
        u, v = (base + 0.1 * torch.randn_like(base) for _ in range(2))
        mask = torch.rand(48, 8) < 0.3
        with torch.no_grad():
            raw = teacher(u)
            tgt = F.softmax((raw - centre) / 0.05, -1)
        s_u, s_v = student(u, mask), student(v, mask)
        patch = -(tgt[:, 1:] * F.log_softmax(s_u[:, 1:] / 0.1, -1)).sum(-1)
        loss_patch = (patch * mask).sum() / mask.sum().clamp(min=1)
        loss_cls = -(tgt[:, 0] * F.log_softmax(s_v[:, 0] / 0.1, -1)).sum(-1).mean()
        loss = loss_patch + loss_cls
        opt.zero_grad()
        loss.backward()
        opt.step()
        centre = 0.9 * centre + 0.1 * raw.mean((0, 1))
        with torch.no_grad():
            for a, b in zip(teacher.parameters(), student.parameters(), strict=True):
                a.mul_(0.98).add_(b, alpha=0.02)
diagnosis = inspector.diagnose()
