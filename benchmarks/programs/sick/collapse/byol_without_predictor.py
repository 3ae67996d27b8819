"""BYOL without its predictor, and a target that follows at once.

expect: CD301
first: gradual
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

online = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))
tgt = copy.deepcopy(online)
optimizer = torch.optim.Adam(online.parameters(), 0.003)
with Inspector({"online": online, "target": tgt}) as inspector:
    for x, y in batches(500, 64):
        q = online(augment(x))
        with torch.no_grad():
            k = tgt(augment(x))
        loss = 2 - 2 * (F.normalize(q, dim=1) * F.normalize(k, dim=1)).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for a, b in zip(tgt.parameters(), online.parameters()):
            a.data.mul_(0.5).add_(b.data, alpha=0.5)
diagnosis = inspector.diagnose()
