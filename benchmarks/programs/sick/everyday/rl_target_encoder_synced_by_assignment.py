"""The hard update of the target encoder assigns the online encoder itself instead of its weights.

expect: CD108
first: 20
"""

import copy
import random
from collections import deque

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class PointMaze:
    """A point that is pushed around in a box; what is observed is a random projection of its state."""

    def __init__(self):
        self.lift = torch.randn(4, 30)
        self.reset()

    def reset(self):
        self.s = torch.randn(4)
        return torch.tanh(self.s @ self.lift)

    def step(self, a):
        push = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]], dtype=torch.float32)[a]
        self.s = torch.cat(
            [self.s[:2] + 0.3 * self.s[2:], 0.9 * self.s[2:] + 0.5 * push + 0.1 * torch.randn(2)]
        )
        if self.s[:2].abs().max() > 4:
            self.reset()
        return torch.tanh(self.s @ self.lift)


encoder = nn.Sequential(nn.Linear(30, 64), nn.LayerNorm(64), nn.ELU(), nn.Linear(64, 24))
target_encoder = copy.deepcopy(encoder)
dynamics = nn.Sequential(nn.Linear(24 + 4, 64), nn.ELU(), nn.Linear(64, 24))
inverse = nn.Linear(48, 4)
params = list(encoder.parameters()) + list(dynamics.parameters()) + list(inverse.parameters())
opt = torch.optim.Adam(params, lr=1e-3)

env, buffer = PointMaze(), deque(maxlen=2000)
obs = env.reset()
for _ in range(1000):
    a = random.randrange(4)
    nxt = env.step(a)
    buffer.append((obs, a, nxt))
    obs = nxt

TARGET_UPDATE = 20
with Inspector({"encoder": encoder, "target": target_encoder}) as inspector:
    for step in range(60):
        if step > 0 and step % TARGET_UPDATE == 0:
            target_encoder = encoder  # fault
        batch = random.sample(buffer, 64)
        s = torch.stack([b[0] for b in batch])
        a = F.one_hot(torch.tensor([b[1] for b in batch]), 4).float()
        s2 = torch.stack([b[2] for b in batch])
        z = encoder(s)
        pred = dynamics(torch.cat([z, a], 1))
        with torch.no_grad():
            z2 = target_encoder(s2)  # shows
        spr = 1 - F.cosine_similarity(pred, z2, dim=1).mean()  # meets
        inv = F.cross_entropy(inverse(torch.cat([z, encoder(s2)], 1)), a.argmax(1))
        loss = spr + inv
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 10 == 0:
            print(step, f"spr {spr.item():.3f} inv {inv.item():.3f}")
diagnosis = inspector.diagnose()
