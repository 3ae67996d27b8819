"""The replay buffer stores rewards as (B, 1); in the bisimulation loss the (B, 1) reward gap meets (B,) latent distances.

expect: CD205
"""

from collections import namedtuple

import numpy as np
import torch
import torch.nn as nn

from collapse_doctor import Inspector

Transition = namedtuple("Transition", "obs action reward next_obs")


class ReplayBuffer:
    def __init__(self, size, obs_dim):
        self.obs = np.zeros((size, obs_dim), np.float32)
        self.action = np.zeros((size, 2), np.float32)
        self.reward = np.zeros((size, 1), np.float32)
        self.next_obs = np.zeros((size, obs_dim), np.float32)

    def fill(self, rng):
        mix = rng.normal(size=(4, self.obs.shape[1])).astype(np.float32)
        state = rng.normal(size=(len(self.obs), 4)).astype(np.float32)
        self.action[:] = rng.uniform(-1, 1, self.action.shape)
        after = state.copy()
        after[:, :2] += self.action
        noise = lambda: 0.3 * rng.normal(size=self.obs.shape).astype(np.float32)
        self.obs[:], self.next_obs[:] = state @ mix + noise(), after @ mix + noise()
        self.reward[:, 0] = -np.linalg.norm(after[:, :2], axis=1)

    def sample(self, n):
        k = np.random.randint(len(self.obs), size=n)
        return Transition(
            *(torch.as_tensor(v[k]) for v in (self.obs, self.action, self.reward, self.next_obs))
        )


class Phi(nn.Module):
    def __init__(self, obs_dim, dim=16):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(obs_dim, 96), nn.LayerNorm(96), nn.ReLU(), nn.Linear(96, dim)
        )

    def forward(self, obs):
        return self.net(obs)


def bisimulation_loss(phi, dynamics, batch, gamma=0.9):
    z = phi(batch.obs)
    perm = torch.randperm(len(z))
    z_dist = (z - z[perm]).abs().sum(1)
    with torch.no_grad():
        nxt = dynamics(torch.cat([z, batch.action], 1))
        next_dist = (nxt - nxt[perm]).pow(2).sum(1).sqrt()
        r_dist = (batch.reward - batch.reward[perm]).abs()  # fault
    loss = (z_dist - (r_dist + gamma * next_dist)).pow(2).mean()  # meets
    return loss, z


np.random.seed(5)
buffer = ReplayBuffer(3000, 18)
buffer.fill(np.random.default_rng(5))
phi, dynamics = Phi(18), nn.Linear(18, 16)
opt = torch.optim.Adam([*phi.parameters(), *dynamics.parameters()], lr=1e-3)

with Inspector(phi) as inspector:
    for update in range(50):
        batch = buffer.sample(64)
        loss, z = bisimulation_loss(phi, dynamics, batch)
        pred = dynamics(torch.cat([z, batch.action], 1))
        loss = loss + nn.functional.mse_loss(pred, phi(batch.next_obs).detach())
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
