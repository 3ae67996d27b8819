"""RL representation: the no_grad target encodes the present observation, not the next one.

expect: CD103
"""

from typing import NamedTuple

import torch
from torch import nn

from collapse_doctor import Inspector


class Transition(NamedTuple):
    obs: torch.Tensor
    action: torch.Tensor
    reward: torch.Tensor
    next_obs: torch.Tensor


def rollouts(world, n):
    for _ in range(n):
        obs = torch.randn(64, 12)
        action = torch.randint(0, 4, (64,))
        next_obs = torch.tanh(obs @ world) + 0.3 * nn.functional.one_hot(action, 12)
        yield Transition(obs, action, obs[:, :3].sum(1, keepdim=True), next_obs)


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 24))
        self.reward = nn.Linear(24, 1)

    def latent_targets(self, batch):
        with torch.no_grad():
            return self.encoder(batch.obs)  # fault

    def loss(self, batch):
        latent = self.encoder(batch.obs)
        target = self.latent_targets(batch)
        spr = nn.functional.mse_loss(latent, target)  # meets
        return spr + nn.functional.mse_loss(self.reward(latent), batch.reward)


agent = Agent()
opt = torch.optim.Adam(agent.parameters(), lr=1e-3)
with Inspector(agent.encoder) as inspector:
    for batch in rollouts(torch.randn(12, 12) / 3, 30):
        loss = agent.loss(batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
