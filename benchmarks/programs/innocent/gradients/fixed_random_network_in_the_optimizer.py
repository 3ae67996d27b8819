"""A fixed random network is to be predicted; all parameters were handed over, and it has none to move.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Curiosity(nn.Module):
    def __init__(self):
        super().__init__()
        self.target = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 24))
        self.predictor = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 24))
        self.target.requires_grad_(False)


agent = Curiosity()
optimizer = torch.optim.Adam(agent.parameters(), lr=1e-3)
with Inspector({"target": agent.target, "predictor": agent.predictor}) as inspector:
    for step in range(80):
        states = torch.randn(64, 16)
        loss = F.mse_loss(agent.predictor(states), agent.target(states))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
