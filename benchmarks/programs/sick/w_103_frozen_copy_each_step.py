"""Learning without forgetting: the "old" model is copied anew in every step, so nothing is old.

expect: CD103
"""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Learner:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(14, 42), nn.ReLU(), nn.Linear(42, 14))
        self.head = nn.Linear(14, 5)
        self.opt = torch.optim.SGD([*self.net.parameters(), *self.head.parameters()], lr=0.1)

    def snapshot(self):
        return deepcopy(self.net).eval().requires_grad_(False)

    def learn(self, x, y):
        old = self.snapshot()  # fault
        new = self.net(x)
        with torch.no_grad():
            reference = old(x)
        stay = 1 - F.cosine_similarity(new, reference, dim=1).mean()  # meets
        loss = F.cross_entropy(self.head(new), y) + 5 * stay
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()


learner = Learner()
tasks = [2 * torch.randn(5, 14) for _ in range(2)]
with Inspector(learner.net) as inspector:
    for means in tasks:
        for _ in range(20):
            y = torch.randint(0, 5, (32,))
            learner.learn(means[y] + torch.randn(32, 14), y)

diagnosis = inspector.diagnose()
