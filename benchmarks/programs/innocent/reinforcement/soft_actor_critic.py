"""Soft actor-critic: two critics, a squashed Gaussian sampled by reparametrisation, entropy learnt.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.distributions import Normal
from torch.nn import functional as F

from collapse_doctor import Inspector


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.mu, self.log_std = nn.Linear(64, 2), nn.Linear(64, 2)

    def forward(self, s):
        h = self.net(s)
        return self.mu(h), self.log_std(h).clamp(-5, 1)

    def sample(self, s):
        mu, log_std = self(s)
        d = Normal(mu, log_std.exp())
        u = d.rsample()
        a = torch.tanh(u)
        return a, (d.log_prob(u) - torch.log(1 - a**2 + 1e-6)).sum(1, keepdim=True)


def critic():
    return nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 1))


actor, q1, q2 = Actor(), critic(), critic()
t1, t2 = copy.deepcopy(q1), copy.deepcopy(q2)
alpha = torch.zeros(1, requires_grad=True)
opt_a = torch.optim.Adam(actor.parameters(), 1e-3)
opt_q = torch.optim.Adam([*q1.parameters(), *q2.parameters()], 2e-3)
opt_t = torch.optim.Adam([alpha], 1e-3)
rewards = []
with Inspector({"actor": actor, "q1": q1, "q2": q2}) as inspector:
    for _ in range(120):
        s = torch.rand(64, 3) * 2 - 1
        with torch.no_grad():
            a, _ = actor.sample(s)
        r = -(a - s[:, :2]).abs().sum(1, keepdim=True)
        rewards.append(r.mean().item())
        s2 = torch.rand(64, 3) * 2 - 1
        with torch.no_grad():
            a2, lp2 = actor.sample(s2)
            sa2 = torch.cat([s2, a2], 1)
            y = r + 0.5 * (torch.min(t1(sa2), t2(sa2)) - alpha.exp() * lp2)
        sa = torch.cat([s, a], 1)
        loss_q = F.mse_loss(q1(sa), y) + F.mse_loss(q2(sa), y)
        opt_q.zero_grad()
        loss_q.backward()
        opt_q.step()
        new, lp = actor.sample(s)
        sn = torch.cat([s, new], 1)
        loss_a = (alpha.exp().detach() * 0.1 * lp - torch.min(q1(sn), q2(sn))).mean()
        opt_a.zero_grad()
        loss_a.backward()
        opt_a.step()
        loss_t = -(alpha * (lp.detach() - 2)).mean()
        opt_t.zero_grad()
        loss_t.backward()
        opt_t.step()
        with torch.no_grad():
            for t, q in ((t1, q1), (t2, q2)):
                for p, o in zip(t.parameters(), q.parameters(), strict=True):
                    p.lerp_(o, 0.05)
score = (rewards[0], rewards[-1])
diagnosis = inspector.diagnose()
