"""A Gaussian policy on a trust region: the divergence from its own detached self is zero at first.

expect: healthy
"""

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from collapse_doctor import Inspector


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.Sequential(nn.Linear(6, 48), nn.Tanh(), nn.Linear(48, 4))
        self.log_std = nn.Parameter(torch.full((4,), -0.5))

    def forward(self, s):
        return self.mean(s)

    def of(self, mean):
        return Normal(mean, self.log_std.exp())


goal = torch.randn(6, 4)
policy = Policy()
opt = torch.optim.Adam(policy.parameters(), lr=3e-3)
returns = []
with Inspector(policy) as inspector:
    for _ in range(60):
        s = torch.randn(64, 6)
        with torch.no_grad():
            old = policy.of(policy(s))
            old = Normal(old.loc.clone(), old.scale.clone())
            a = old.sample()
        reward = -(a - torch.tanh(s @ goal)).square().sum(1)
        advantage = (reward - reward.mean()) / reward.std()
        returns.append(reward.mean().item())
        for _ in range(4):
            new = policy.of(policy(s))
            ratio = (new.log_prob(a) - old.log_prob(a)).sum(1).exp()
            penalty = kl_divergence(old, new).sum(1).mean()
            loss = -(ratio * advantage).mean() + 0.5 * penalty - 0.001 * new.entropy().mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
score = (returns[0], returns[-1])
diagnosis = inspector.diagnose()
