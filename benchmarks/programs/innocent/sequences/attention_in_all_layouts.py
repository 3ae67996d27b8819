"""Attention over the words of a row, time first and batch first, slots, and experts that take turns.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Reader(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.emb = nn.Embedding(60, d)
        self.score, self.second = nn.Linear(d, 1), nn.Linear(d, 1)
        self.slots = nn.Parameter(torch.randn(4, d))
        self.experts = nn.ModuleList(nn.Linear(d, d) for _ in range(3))
        self.gate = nn.Linear(d, 3)
        self.out = nn.Linear(d, 16)

    def forward(self, ids):
        x = self.emb(ids)
        w = self.score(x).squeeze(-1).softmax(dim=1)
        pooled = (w[..., None] * x).sum(1)
        steps = x.transpose(0, 1)
        v = torch.softmax(self.second(steps), dim=0)
        pooled = pooled + (v * steps).sum(0)
        share = torch.softmax(x @ self.slots.T, dim=-1)
        share = share / share.sum(1, keepdim=True)
        pooled = pooled + torch.einsum("btk,btd->bkd", share, x).mean(1)
        gates = self.gate(pooled).T.softmax(dim=0)
        mixed = torch.stack([e(pooled) for e in self.experts])
        pooled = (gates[..., None] * mixed).sum(0)
        spread = (self.score(x).squeeze(-1) / 5).softmax(0)
        return self.out(pooled), spread


net = Reader()
opt = torch.optim.Adam(net.parameters(), 3e-3)
with Inspector(net) as inspector:
    for step in range(120):
        topic = torch.randint(0, 3, (32,))
        a, b = (topic[:, None] * 20 + torch.randint(0, 20, (32, 9)) for _ in range(2))
        (za, spread), (zb, _) = net(a), net(b)
        busy = (spread.sum(1) - 9 / 32).pow(2).mean()
        s = F.normalize(za) @ F.normalize(zb).T
        same = (topic[:, None] == topic).float()
        loss = F.binary_cross_entropy_with_logits(5 * s - 2, same) + 0.01 * busy
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
