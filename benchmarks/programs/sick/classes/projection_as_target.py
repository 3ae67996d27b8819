"""The projection of one view is the fixed target of the other view's features, by squared distance.

expect: CD208
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self, d=20):
        super().__init__()
        self.emb = nn.EmbeddingBag(120, 32)
        self.mlp = nn.Sequential(nn.Linear(32, 48), nn.Tanh(), nn.Linear(48, d))

    def forward(self, ids):
        return self.mlp(self.emb(ids))


class TwoViews(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.project = nn.Linear(20, 20)

    def step(self, ids):
        one, other = (self.encoder(ids[:, torch.randperm(12)[:8]]) for _ in range(2))
        target = self.project(other).detach()
        return (one - target).pow(2).sum(1).mean()  # fault


net = TwoViews()
opt = torch.optim.Adam(net.parameters(), 3e-3)
with Inspector(net.encoder) as inspector:
    for _ in range(300):
        topic = torch.randint(0, 10, (40, 1))
        loss = net.step(topic * 12 + torch.randint(0, 12, (40, 12)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
