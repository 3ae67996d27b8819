"""The target encoder gets a hard copy of the weights every eight steps and equals the online one right then, but looks at the next state.

expect: healthy
"""

import copy
import random
from collections import deque

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

OBS, ACTIONS, LATENT = 28, 4, 20


class World:
    def __init__(self):
        self.lens = torch.randn(12, OBS) / 4
        self.push = 0.4 * torch.randn(ACTIONS, 12)
        self.state = torch.randn(12)

    def observe(self):
        return torch.tanh(self.state @ self.lens) + 0.03 * torch.randn(OBS)

    def step(self, action):
        before = self.observe()
        self.state = 0.7 * self.state + self.push[action] + 0.7 * torch.randn(12)
        return before, action, self.observe()


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(OBS, 64), nn.ELU(), nn.Linear(64, LATENT))
        self.transition = nn.Sequential(
            nn.Linear(LATENT + ACTIONS, 64), nn.ELU(), nn.Linear(64, LATENT)
        )
        self.inverse = nn.Linear(2 * LATENT, ACTIONS)
        self.target = copy.deepcopy(self.encoder).requires_grad_(False)

    def losses(self, obs, action, following):
        z, z_next = self.encoder(obs), self.encoder(following)
        guess = self.transition(torch.cat([z, F.one_hot(action, ACTIONS).float()], 1))
        with torch.no_grad():
            goal = self.target(following)
        logits = F.normalize(guess, dim=1) @ F.normalize(goal, dim=1).T / 0.2
        contrast = F.cross_entropy(logits, torch.arange(len(obs)))
        return contrast + F.cross_entropy(self.inverse(torch.cat([z, z_next], 1)), action)


world, replay, agent = World(), deque(maxlen=800), Agent()
for _ in range(500):
    replay.append(world.step(random.randrange(ACTIONS)))
optimizer = torch.optim.Adam([p for p in agent.parameters() if p.requires_grad], lr=2e-3)

with Inspector({"online": agent.encoder}) as inspector:
    for update in range(60):
        for _ in range(4):
            replay.append(world.step(random.randrange(ACTIONS)))
        obs, action, following = zip(*random.sample(replay, 64))
        loss = agent.losses(torch.stack(obs), torch.tensor(action), torch.stack(following))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if update % 8 == 7:
            agent.target.load_state_dict(agent.encoder.state_dict())
        if update % 15 == 0:
            print(update, loss.item())
diagnosis = inspector.diagnose()
