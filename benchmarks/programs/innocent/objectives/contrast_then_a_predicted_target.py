"""Contrast for 25 steps, then a predictor onto the detached other view, as SimSiam does.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(12)
net = nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 24))
predictor = nn.Sequential(nn.Linear(24, 8), nn.ReLU(), nn.Linear(8, 24))
optimizer = torch.optim.SGD([*net.parameters(), *predictor.parameters()], lr=0.05, momentum=0.9)
mix = torch.randn(8, 20)
with Inspector(net) as inspector:
    for step in range(70):
        clean = torch.randn(64, 8) @ mix
        a, b = (net(clean + 0.5 * torch.randn(64, 20)) for _ in range(2))
        if step < 25:
            logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.2
            loss = F.cross_entropy(logits, torch.arange(64))
        else:
            loss = -F.cosine_similarity(predictor(a), b.detach()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
