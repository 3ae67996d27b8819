"""Teacher and student see the same global crops and start equal at learning rate 0, but the loss skips the pairs of one crop with itself.

expect: healthy
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

STEPS, WARM_UP, PROTOTYPES = 70, 8, 64


class ViTish(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.tokens = nn.Conv1d(4, width, 6, stride=3)
        self.attend = nn.MultiheadAttention(width, 4, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(nn.Linear(width, 96), nn.GELU(), nn.Linear(96, 32))
        self.last = nn.Linear(32, PROTOTYPES, bias=False)

    def embed(self, x):
        t = self.tokens(x).transpose(1, 2)
        t = self.norm(t + self.attend(t, t, t, need_weights=False)[0])
        return self.head(t.mean(1))

    def forward(self, x):
        return self.last(F.normalize(self.embed(x), dim=-1))


def crop(x, size):
    start = int(torch.randint(0, x.shape[-1] - size + 1, (1,)))
    return x[..., start : start + size] + 0.05 * torch.randn(*x.shape[:-1], size)


def dino_loss(student_out, teacher_out, centre):
    total, terms = 0.0, 0
    for i, t in enumerate(teacher_out):
        q = F.softmax((t - centre) / 0.07, dim=-1)
        for j, s in enumerate(student_out):
            if i == j:
                continue
            total = total - (q * F.log_softmax(s / 0.1, dim=-1)).sum(-1).mean()
            terms += 1
    return total / terms


time = torch.linspace(0, 12, 60)
pace, shape = 0.5 + 3 * torch.rand(40, 4, 1), torch.randn(40, 4, 1)
motion = shape + torch.sin(pace * time)
student = ViTish()
teacher = copy.deepcopy(student).requires_grad_(False)
centre = torch.zeros(PROTOTYPES)
optimizer = torch.optim.AdamW(student.parameters(), lr=1e-3, weight_decay=0.04)
warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, s / WARM_UP))

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(STEPS):
        x = motion[torch.randint(0, 40, (64,))] + 0.2 * torch.randn(64, 4, 60)
        crops = [crop(x, 48), crop(x, 48), crop(x, 30)]
        with torch.no_grad():
            teacher_out = [teacher(c) for c in crops[:2]]
        loss = dino_loss([student(c) for c in crops], teacher_out, centre)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        warm.step()
        with torch.no_grad():
            for t, s in zip(teacher.parameters(), student.parameters()):
                t.lerp_(s, 0.02)
            centre = 0.9 * centre + 0.1 * torch.cat(teacher_out).mean(0)
        if step % 14 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
