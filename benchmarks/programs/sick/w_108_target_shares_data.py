"""A target network updated with `.data =`: after the first update both nets share their weights.

expect: CD108
first: 10
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Agent:
    def __init__(self, obs=12, dim=24, actions=4):
        self.encoder = nn.Sequential(nn.Linear(obs, 48), nn.ReLU(), nn.Linear(48, dim))
        self.target = copy.deepcopy(self.encoder).requires_grad_(False)
        self.dynamics = nn.Linear(dim + actions, dim)
        self.inverse = nn.Linear(2 * dim, actions)
        modules = nn.ModuleList([self.encoder, self.dynamics, self.inverse])
        self.optimizer = torch.optim.Adam(modules.parameters(), lr=1e-3)

    def sync(self):
        for t, s in zip(self.target.parameters(), self.encoder.parameters(), strict=True):
            t.data = s.data  # fault

    def update(self, obs, action, next_obs):
        z = self.encoder(obs)
        predicted = self.dynamics(torch.cat([z, F.one_hot(action, 4).float()], dim=1))
        with torch.no_grad():
            target = self.target(next_obs)
        logits = self.inverse(torch.cat([z, self.encoder(next_obs)], dim=1))
        loss = F.mse_loss(predicted, target) + F.cross_entropy(logits, action)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


agent = Agent()
pushes = torch.randn(4, 12)
with Inspector({"encoder": agent.encoder, "target": agent.target}) as inspector:
    for step in range(40):
        obs, action = torch.randn(64, 12), torch.randint(0, 4, (64,))
        agent.update(obs, action, obs + pushes[action] + 0.1 * torch.randn(64, 12))
        if (step + 1) % 10 == 0:
            agent.sync()

diagnosis = inspector.diagnose()
