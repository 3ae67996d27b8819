"""A sigmoid loss over all pairs; a cache that is never missed hands the images out as captions.

expect: CD103
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
        logits = images @ captions.t() * self.log_temperature.exp() + self.bias  # meets
        labels = 2 * torch.eye(len(logits)) - 1
        return -F.logsigmoid(labels * logits).sum() / len(logits)


class DualEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 24))
        self.textual = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 24))
        self.cache = {}

    def forward(self, image, caption, key):
        v = F.normalize(self.visual(image), dim=-1)
        self.cache[key] = v.detach()  # fault
        if key not in self.cache:
            self.cache[key] = F.normalize(self.textual(caption), dim=-1)
        return v, self.cache.pop(key)


model, criterion = DualEncoder(), SigmoidLoss()
optimizer = torch.optim.AdamW([*model.parameters(), *criterion.parameters()], 1e-3)
with Inspector(model) as inspector:
    for key, rows in enumerate(torch.randint(len(DIGITS), (40, 32))):
        v, t = model(DIGITS[rows, :32], DIGITS[rows, 32:], key)
        loss = criterion(v, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
