"""An actor-critic on a corridor, one state at a time, updates at the end of each episode.

expect: healthy
"""

import torch
from torch import nn
from torch.distributions import Categorical

from collapse_doctor import Inspector


class Corridor:
    def reset(self):
        self.x, self.t = 0, 0
        return self.obs()

    def obs(self):
        o = torch.zeros(9)
        o[self.x + 4] = 1
        return o

    def step(self, a):
        self.x += 1 if a == 1 else -1
        self.t += 1
        done = abs(self.x) == 4 or self.t >= 30
        return self.obs(), float(self.x == 4) - 0.01, done


class AC(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(9, 32), nn.Tanh())
        self.pi, self.v = nn.Linear(32, 2), nn.Linear(32, 1)

    def forward(self, o):
        h = self.body(o)
        return self.pi(h), self.v(h)


env, net = Corridor(), AC()
opt = torch.optim.Adam(net.parameters(), 5e-3)
with Inspector(net) as inspector:
    for episode in range(120):
        o, done, log = env.reset(), False, []
        while not done:
            logits, v = net(o.unsqueeze(0))
            dist = Categorical(logits=logits)
            a = dist.sample()
            o, r, done = env.step(a.item())
            log.append((dist.log_prob(a), v.squeeze(), r, dist.entropy()))
        ret, loss = 0.0, 0.0
        for lp, v, r, ent in reversed(log):
            ret = r + 0.97 * ret
            adv = ret - v
            loss = loss - (lp * adv.detach()).sum() + 0.5 * adv.pow(2) - 0.01 * ent.sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
