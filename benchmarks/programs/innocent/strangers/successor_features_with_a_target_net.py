"""Temporal-difference learning of state embeddings: the bootstrap target has no gradient and its network stands still for ten steps at a time.

expect: healthy
"""

import copy
from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class GridWorld:
    def __init__(self, size=9, seed=0):
        self.size, self.rng = size, np.random.default_rng(seed)
        self.pos = self.rng.integers(size, size=2)

    def observe(self):
        row, col = np.eye(self.size, dtype=np.float32)[self.pos]
        x = np.concatenate([row - 1 / 9, col - 1 / 9, np.outer(row, col).ravel()])
        return x.astype(np.float32)

    def step(self):
        move = [(0, 1), (1, 0), (0, -1), (-1, 0)][self.rng.integers(4)]
        self.pos = np.clip(self.pos + move, 0, self.size - 1)
        if self.rng.random() < 0.05:
            self.pos = self.rng.integers(self.size, size=2)
        return self.observe()


class Successor(nn.Module):
    def __init__(self, d_obs, dim=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d_obs, 96), nn.ReLU(), nn.Linear(96, dim))

    def forward(self, obs):
        return self.net(obs)


env = GridWorld()
torch.manual_seed(0)
rng = np.random.default_rng(1)
features = torch.randn(99, 32) / 2
features -= features.mean(0)
psi = Successor(99)
target = copy.deepcopy(psi).eval()
opt = torch.optim.Adam(psi.parameters(), lr=3e-3)
memory, obs, gamma = deque(maxlen=2000), env.observe(), 0.5

for _ in range(400):
    nxt = env.step()
    memory.append((obs, nxt))
    obs = nxt

with Inspector({"psi": psi, "target": target}) as inspector:
    for step in range(80):
        for _ in range(4):
            nxt = env.step()
            memory.append((obs, nxt))
            obs = nxt
        pick = rng.choice(len(memory), 64, replace=False)
        s, s2 = (torch.tensor(np.stack([memory[i][k] for i in pick])) for k in (0, 1))
        with torch.no_grad():
            goal = s @ features + gamma * target(s2)
        loss = F.smooth_l1_loss(psi(s), goal)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if (step + 1) % 10 == 0:
            target.load_state_dict(psi.state_dict())
diagnosis = inspector.diagnose()
