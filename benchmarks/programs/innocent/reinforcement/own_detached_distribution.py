"""TRPO style, first surrogate: old distribution is the detached one of the same pass, its divergence is zero.

expect: healthy
"""

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from collapse_doctor import Inspector

goal = torch.randn(6, 4)
net = nn.Sequential(nn.Linear(6, 48), nn.Tanh(), nn.Linear(48, 4))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
returns = []
with Inspector(net) as inspector:
    for _ in range(200):
        s = torch.randn(64, 6)
        mean = net(s)
        new, old = Normal(mean, 0.5), Normal(mean.detach(), 0.5)
        a = old.sample()
        reward = -(a - torch.tanh(s @ goal)).square().sum(1)
        advantage = (reward - reward.mean()) / reward.std()
        ratio = (new.log_prob(a) - old.log_prob(a)).sum(1).exp()
        loss = -(ratio * advantage).mean() + 0.1 * kl_divergence(old, new).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        returns.append(reward.mean().item())
score = (returns[0], returns[-1])
diagnosis = inspector.diagnose()
