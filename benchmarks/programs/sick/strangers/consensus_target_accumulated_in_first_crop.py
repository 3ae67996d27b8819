"""When several crops start, their consensus is summed up in targets[0] itself, so the first crop's own target is lost.

expect: CD109
first: 18
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

torch.manual_seed(17)


class SpectrogramEncoder(nn.Module):
    def __init__(self, bands=24, dim=32):
        super().__init__()
        self.conv = nn.Conv1d(bands, 48, 5, padding=2)
        self.norm = nn.BatchNorm1d(48)
        self.rnn = nn.GRU(48, 40, batch_first=True)
        self.proj = nn.Sequential(
            nn.Linear(40, 80), nn.BatchNorm1d(80), nn.ReLU(), nn.Linear(80, dim)
        )

    def forward(self, spec):
        h = F.relu(self.norm(self.conv(spec))).transpose(1, 2)
        out, _ = self.rnn(h)
        return self.proj(out.mean(dim=1))


def n_crops(step, single_until=18):
    return 1 if step < single_until else 3


def crop(spec, size=20):
    start = int(torch.randint(0, spec.shape[-1] - size, (1,)))
    return spec[..., start : start + size] + 0.1 * torch.randn(*spec.shape[:-1], size)


def consensus(targets):
    total = targets[0]  # fault
    for t in targets[1:]:
        total += t  # fault
    return total / len(targets)


def agree(p, t):
    return F.mse_loss(F.normalize(p, dim=1), F.normalize(t, dim=1)) * p.shape[1]  # meets


birds = torch.randn(30, 24, 48)
student = SpectrogramEncoder()
teacher = copy.deepcopy(student).requires_grad_(False)
predictor = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
optimizer = torch.optim.Adam([*student.parameters(), *predictor.parameters()], lr=1.5e-3)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(44):
        song = birds[torch.randint(0, 30, (42,))] + 0.5 * torch.randn(42, 24, 48)
        crops = n_crops(step)
        with torch.no_grad():
            targets = [teacher(crop(song)) for _ in range(crops)]
        shared = consensus(targets)
        predictions = [predictor(student(crop(song))) for _ in range(crops)]
        loss = sum(agree(p, shared) + agree(p, t) for p, t in zip(predictions, targets)) / crops
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), student.parameters()):
                slow.lerp_(fast, 0.03)
        if step % 9 == 0:
            print(step, crops, loss.item())
diagnosis = inspector.diagnose()
