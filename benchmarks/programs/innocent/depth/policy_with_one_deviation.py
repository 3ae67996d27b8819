"""A policy whose standard deviation is one learnt number for all states.

expect: healthy
"""

import torch
from torch import nn
from torch.distributions import Normal

from collapse_doctor import Inspector


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
        self.mean = nn.Linear(64, 4)
        self.log_std = nn.Parameter(torch.zeros(4))

    def forward(self, state):
        mean = torch.tanh(self.mean(self.trunk(state)))
        return mean, torch.ones_like(mean) * self.log_std.exp()


policy = Policy()
target = torch.randn(12, 4)
optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
with Inspector(policy) as inspector:
    for _ in range(250):
        state = torch.randn(64, 12)
        mean, std = policy(state)
        action = Normal(mean, std).sample()
        reward = -(action - torch.sign(state @ target)).square().sum(1)
        advantage = (reward - reward.mean()) / reward.std()
        loss = -(Normal(mean, std).log_prob(action).sum(1) * advantage).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
