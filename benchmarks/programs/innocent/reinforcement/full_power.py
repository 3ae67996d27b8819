"""DDPG on a cart that is best driven with full power: the actor's tanh ends at its rails, as it should.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 3))

    def forward(self, s):
        return torch.tanh(self.body(s))


actor = Actor()
critic = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 1))
actor_t, critic_t = copy.deepcopy(actor), copy.deepcopy(critic)
opt_a = torch.optim.Adam(actor.parameters(), lr=1e-3)
opt_c = torch.optim.Adam(critic.parameters(), lr=3e-3)
with Inspector({"actor": actor, "critic": critic}) as inspector:
    for _ in range(200):
        s = torch.randn(64, 2)
        with torch.no_grad():
            a = (actor(s) + 0.5 * torch.randn(64, 3)).clamp(-1, 1)
        s2 = s + 0.2 * a[:, :2] + 0.02 * torch.randn(64, 2)
        reward = -s2.abs().sum(1, keepdim=True) + 0.3 * a[:, 2:] * s[:, :1].sign()
        with torch.no_grad():
            target = reward + 0.8 * critic_t(torch.cat([s2, actor_t(s2)], 1))
        loss_c = F.mse_loss(critic(torch.cat([s, a], 1)), target)
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
        loss_a = -critic(torch.cat([s, actor(s)], 1)).mean()
        opt_a.zero_grad()
        loss_a.backward()
        opt_a.step()
        with torch.no_grad():
            for t, o in ((actor_t, actor), (critic_t, critic)):
                for p, q in zip(t.parameters(), o.parameters(), strict=True):
                    p.lerp_(q, 0.05)
score = loss_a.item()
diagnosis = inspector.diagnose()
