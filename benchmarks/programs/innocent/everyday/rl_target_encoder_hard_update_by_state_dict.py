"""A target encoder equal to the online one at the start and right after each hard update, by load_state_dict.

expect: healthy
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

A = torch.linalg.qr(torch.randn(6, 6))[0]
push = torch.randn(3, 6)
camera = torch.randn(6, 40)


def transitions(n):
    s = torch.randn(n, 6)
    a = torch.randint(3, (n,))
    s2 = 0.95 * s @ A + 1.2 * push[a] + 0.05 * torch.randn(n, 6)
    return torch.tanh(s @ camera / 2), a, torch.tanh(s2 @ camera / 2)


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(40, 64), nn.ELU(), nn.Linear(64, 16))
        self.model = nn.Sequential(nn.Linear(19, 64), nn.ELU(), nn.Linear(64, 16))
        self.inverse = nn.Linear(32, 3)


agent = Agent()
target = copy.deepcopy(agent.encoder).requires_grad_(False)
opt = torch.optim.Adam(agent.parameters(), lr=2e-3)

with Inspector({"agent": agent, "target": target}) as inspector:
    for step in range(75):
        if step % 15 == 0:
            target.load_state_dict(agent.encoder.state_dict())
        o, a, o2 = transitions(80)
        z = agent.encoder(o)
        pred = agent.model(torch.cat([z, F.one_hot(a, 3).float()], 1))
        with torch.no_grad():
            z2 = target(o2)
        logits = F.normalize(pred, dim=1) @ F.normalize(z2, dim=1).T / 0.1
        nce = F.cross_entropy(logits, torch.arange(len(o)))
        inv = F.cross_entropy(agent.inverse(torch.cat([z, agent.encoder(o2)], 1)), a)
        loss = nce + inv
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 15 == 14:
            print(step, f"nce {nce.item():.3f} inverse {inv.item():.3f}")
diagnosis = inspector.diagnose()
