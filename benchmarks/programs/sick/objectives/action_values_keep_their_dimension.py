"""Fitted Q-learning: gather leaves (B, 1), the returns are (B,), and every action meets every return.

expect: CD205
"""

import torch
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(2)
critic = nn.Sequential(nn.Linear(6, 40), nn.SiLU(), nn.Linear(40, 3))
optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3)


def transitions(count):
    state, action = torch.randn(count, 6), torch.randint(3, (count,))
    return state, action, state[torch.arange(count), action] + 0.1 * torch.randn(count)


with Inspector(critic) as inspector:
    for _ in range(40):
        state, action, returns = transitions(48)
        index = action.unsqueeze(1)  # fault
        value = critic(state).gather(1, index)  # fault
        loss = (value - returns).square().mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
