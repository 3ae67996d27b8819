"""In the hint loss the line for the teacher calls the student again, under no_grad.

expect: CD103
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class WaveNetlet(nn.Module):
    """Tiny 1-D convolutional classifier for keyword spotting."""

    def __init__(self, channels, hint=32, classes=6):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, channels, 9, stride=3),
            nn.GroupNorm(2, channels),
            nn.GELU(),
            nn.Conv1d(channels, channels, 5, stride=2),
            nn.GroupNorm(2, channels),
            nn.GELU(),
        )
        self.hint = nn.Linear(channels, hint)
        self.out = nn.Linear(hint, classes)

    def features(self, wav):
        return self.hint(self.body(wav).mean(-1))

    def forward(self, wav):
        return self.out(F.gelu(self.features(wav)))


def synth(n, length=240):
    y = torch.randint(6, (n,))
    t = torch.linspace(0, 1, length)
    freq = 4.0 + 5.0 * y.float() + 0.4 * torch.randn(n)
    wav = torch.sin(2 * torch.pi * freq[:, None] * t + 6.28 * torch.rand(n, 1))
    return (wav + 0.2 * torch.randn(n, length)).unsqueeze(1), y


teacher = WaveNetlet(24)
pre = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for _ in range(60):
    wav, y = synth(64)
    loss = F.cross_entropy(teacher(wav), y)
    pre.zero_grad()
    loss.backward()
    pre.step()
teacher.eval()

student = WaveNetlet(8)
opt = torch.optim.Adam(student.parameters(), lr=3e-3)
hint_weight = 0.5

with Inspector(student) as inspector:
    for step in range(60):
        wav, y = synth(64)
        s_feat = student.features(wav)
        with torch.no_grad():
            t_feat = student.features(wav)  # fault
        ce = F.cross_entropy(student.out(F.gelu(s_feat)), y)
        hint = F.mse_loss(s_feat, t_feat)  # meets
        loss = ce + hint_weight * hint
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 20 == 0:
            print(f"{step:3d} ce {ce.item():.3f} hint {hint.item():.5f}")
diagnosis = inspector.diagnose()
