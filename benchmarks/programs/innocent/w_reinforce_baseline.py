"""REINFORCE, with the log-probability minus its own detached value (a surrogate of value 1).

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

policy = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 5))
optimizer = torch.optim.RMSprop(policy.parameters(), lr=3e-3)
payoff = torch.randn(8, 5)
with Inspector(policy) as inspector:
    for _ in range(60):
        state = torch.randn(128, 8)
        dist = torch.distributions.Categorical(logits=policy(state))
        action = dist.sample()
        reward = (state @ payoff).gather(1, action[:, None]).squeeze(1)
        logp = dist.log_prob(action)
        surrogate = torch.exp(logp - logp.detach())
        loss = -(surrogate * (reward - reward.mean())).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
