"""The target's weights are loaded as copies.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


def make():
    return nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 24))


target = make()
online, predictor = make(), nn.Linear(24, 24)
target.load_state_dict(online.state_dict())
target.requires_grad_(False)
optimizer = torch.optim.SGD([*online.parameters(), *predictor.parameters()], lr=0.05)
with Inspector({"online": online, "target": target}) as inspector:
    for x, _ in batches(30):
        guess = predictor(online(augment(x)))
        with torch.no_grad():
            aim = target(augment(x))
        loss = -F.cosine_similarity(guess, aim).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(target.parameters(), online.parameters(), strict=True):
                slow.lerp_(fast, 0.01)
diagnosis = inspector.diagnose()
