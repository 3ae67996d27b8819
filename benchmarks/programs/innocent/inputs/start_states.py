"""Every episode begins in the same state: the first row that a policy sees is one for all.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

policy = nn.Sequential(nn.Linear(4, 48), nn.Tanh(), nn.Linear(48, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
with Inspector(policy) as inspector:
    for _ in range(20):
        state, kept, total = torch.zeros(16, 4), [], torch.zeros(16)
        for _ in range(6):
            choice = torch.distributions.Categorical(logits=policy(state))
            action = choice.sample()
            state = state + 0.3 * torch.randn(16, 4) + 0.2 * (2 * action[:, None] - 1)
            total = total - state.square().sum(1)
            kept.append(choice.log_prob(action))
        loss = -(torch.stack(kept).sum(0) * (total - total.mean())).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
