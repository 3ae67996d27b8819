"""Fitted Q-learning: what gather gives is squeezed, and the returns have one dimension, too.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(2)
critic = nn.Sequential(nn.Linear(6, 40), nn.SiLU(), nn.Linear(40, 3))
optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3)
with Inspector(critic) as inspector:
    for _ in range(40):
        state, action = torch.randn(48, 6), torch.randint(3, (48,))
        returns = state[torch.arange(48), action] + 0.1 * torch.randn(48)
        value = critic(state).gather(1, action.unsqueeze(1)).squeeze(1)
        loss = (value - returns).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
