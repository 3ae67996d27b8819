"""A sigmoid loss over all pairs of images and captions; scores are measured in passing.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector


class SigmoidLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(2.3))
        self.bias = nn.Parameter(torch.tensor(-5.0))

    def forward(self, images, captions):
        logits = images @ captions.t() * self.log_temperature.exp() + self.bias
        labels = 2 * torch.eye(len(logits)) - 1
        return -F.logsigmoid(labels * logits).sum() / len(logits)


visual = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 24))
textual = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 24))
criterion = SigmoidLoss()
held = [*visual.parameters(), *textual.parameters(), *criterion.parameters()]
optimizer = torch.optim.AdamW(held, 1e-3)
with Inspector({"visual": visual, "textual": textual}) as inspector:
    for rows in torch.randint(len(DIGITS), (80, 32)):
        v = F.normalize(visual(DIGITS[rows, :32]), dim=-1)
        t = F.normalize(textual(DIGITS[rows, 32:]), dim=-1)
        loss = criterion(v, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            own = torch.eye(len(v))
            drift = (own * (v @ v.T)).sum() / own.sum()
            matched = (own * (v @ t.T)).sum() / own.sum()
diagnosis = inspector.diagnose()
