"""A slow teacher, and a head on it that is watched by itself; the student predicts what that gives.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

encoder = nn.Sequential(nn.Linear(24, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
projector = nn.Sequential(nn.Linear(32, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 16))
predictor = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16))
slow_encoder, slow_projector = copy.deepcopy(encoder), copy.deepcopy(projector)
for part in (slow_encoder, slow_projector):
    part.requires_grad_(False)
watched = {"encoder": encoder, "projector": projector, "predictor": predictor}
watched |= {"slow_encoder": slow_encoder, "slow_projector": slow_projector}
opt = torch.optim.Adam(
    [*encoder.parameters(), *projector.parameters(), *predictor.parameters()], 1e-3
)
mixing = torch.randn(6, 24)
with Inspector(watched) as inspector:
    for step in range(200):
        x = torch.randn(64, 6) @ mixing
        a, b = x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x)
        prediction = predictor(projector(encoder(a)))
        with torch.no_grad():
            target = slow_projector(slow_encoder(b))
        loss = 2 - 2 * F.cosine_similarity(prediction, target).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for fast, slow in ((encoder, slow_encoder), (projector, slow_projector)):
                for p, q in zip(fast.parameters(), slow.parameters(), strict=True):
                    q.lerp_(p, 0.02)
diagnosis = inspector.diagnose()
