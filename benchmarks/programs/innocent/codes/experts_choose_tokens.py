"""Experts choose their tokens: the router's scores are a softmax over experts, the choice goes over tokens.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class ExpertChoice(nn.Module):
    def __init__(self, d=32, experts=4, take=16):
        super().__init__()
        self.stem = nn.Linear(64, d)
        self.gate = nn.Linear(d, experts, bias=False)
        self.w1 = nn.Parameter(torch.randn(experts, d, 48) / d**0.5)
        self.w2 = nn.Parameter(torch.randn(experts, 48, d) / 48**0.5)
        self.norm, self.head, self.take = nn.LayerNorm(d), nn.Linear(d, 10), take

    def forward(self, x):
        h = self.stem(x)
        s = self.gate(h).softmax(-1)
        g, idx = s.t().topk(self.take, dim=1)
        picked = h[idx]
        y = torch.einsum("etd,edh->eth", picked, self.w1).relu()
        y = torch.einsum("eth,ehd->etd", y, self.w2) * g[..., None]
        h = h.index_add(0, idx.flatten(), y.flatten(0, 1))
        return self.head(self.norm(h))


moe = ExpertChoice()
opt = torch.optim.Adam(moe.parameters(), lr=3e-3)
with Inspector(moe) as inspector:
    for x, y in batches(150, 48):
        loss = nn.functional.cross_entropy(moe(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
