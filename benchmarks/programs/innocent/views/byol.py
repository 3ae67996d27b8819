"""BYOL: online network, predictor and a target that follows by an average; all watched.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

online = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 32))
predictor = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
target = copy.deepcopy(online).requires_grad_(False)
optimizer = torch.optim.Adam([*online.parameters(), *predictor.parameters()], 0.001)
with Inspector({"online": online, "pred": predictor, "target": target}) as inspector:
    for x, _ in batches(200, 64):
        a, b = augment(x), augment(x)
        with torch.no_grad():
            ta, tb = target(a), target(b)
        loss = (
            2
            - 2 * F.cosine_similarity(predictor(online(a)), tb).mean()
            + 2
            - 2 * F.cosine_similarity(predictor(online(b)), ta).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for p, q in zip(online.parameters(), target.parameters()):
                q.mul_(0.99).add_(p, alpha=0.01)
            for p, q in zip(online.buffers(), target.buffers()):
                q.copy_(p)
diagnosis = inspector.diagnose()
