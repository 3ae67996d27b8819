"""Q-learning: targets of the next state by a target network that is copied every ten steps.

expect: healthy
"""

import copy
import random
from collections import deque

import torch
from torch import nn

from collapse_doctor import Inspector


class QNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 24))
        self.q = nn.Linear(24, 4)

    def forward(self, s):
        return self.q(self.phi(s))


world, reward = torch.randn(4, 8, 8) / 3, torch.randn(4, 8)
replay, s = deque(maxlen=500), torch.randn(8)
for _ in range(500):
    a = random.randrange(4)
    s2 = torch.tanh(world[a] @ s) + 0.3 * torch.randn(8)
    replay.append((s, a, (reward[a] * s).sum(), s2))
    s = s2
net = QNet()
target = copy.deepcopy(net)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector({"features": net.phi}) as inspector:
    for step in range(60):
        s, a, r, s2 = zip(*random.sample(replay, 64))
        s, a, r, s2 = torch.stack(s), torch.tensor(a), torch.stack(r), torch.stack(s2)
        with torch.no_grad():
            y = r + 0.5 * target(s2).amax(1)
        loss = nn.functional.smooth_l1_loss(net(s).gather(1, a[:, None]).squeeze(1), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 10 == 9:
            target.load_state_dict(net.state_dict())
diagnosis = inspector.diagnose()
