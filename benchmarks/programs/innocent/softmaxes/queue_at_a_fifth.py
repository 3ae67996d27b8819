"""MoCo with its queue and a temperature of 0.2.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

CONFIG = {"momentum": 0.99, "queue": 512, "t": 0.2}


class MoCo(nn.Module):
    def __init__(self, encoder, config):
        super().__init__()
        self.query, self.key = encoder, copy.deepcopy(encoder).requires_grad_(False)
        self.m, self.t = config["momentum"], config["t"]
        self.register_buffer("queue", F.normalize(torch.randn(24, config["queue"]), dim=0))
        self.at = 0

    @torch.no_grad()
    def update(self):
        for slow, fast in zip(self.key.parameters(), self.query.parameters(), strict=True):
            slow.mul_(self.m).add_(fast, alpha=1 - self.m)

    def forward(self, a, b):
        q = F.normalize(self.query(a), dim=1)
        with torch.no_grad():
            self.update()
            k = F.normalize(self.key(b), dim=1)
        positive = (q * k).sum(dim=1, keepdim=True)
        negative = torch.mm(q, self.queue.clone())
        logits = torch.cat([positive, negative], dim=1) / self.t
        with torch.no_grad():
            self.queue[:, self.at : self.at + len(k)] = k.T
            self.at = (self.at + len(k)) % self.queue.shape[1]
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


moco = MoCo(nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 24)), CONFIG)
optimizer = torch.optim.SGD(moco.query.parameters(), lr=0.3, momentum=0.9)
with Inspector({"query": moco.query, "key": moco.key}) as inspector:
    for _ in range(64):
        x = torch.randn(32, 20)
        noise = 0.2 * torch.randn(2, 32, 20)
        loss = moco(x + noise[0], x + noise[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
