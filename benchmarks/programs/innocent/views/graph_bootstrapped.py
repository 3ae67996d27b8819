"""BGRL: bootstrapped graph latents, two augmented graphs, predictor and a slowly moving target.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

n, f = 150, 40
y = torch.arange(n) % 6
edges = (torch.rand(n, n) < torch.where(y[:, None] == y, 0.25, 0.02)).float()
feats = torch.randn(6, f)[y] + 0.8 * torch.randn(n, f)


def view():
    keep = (torch.rand_like(edges) > 0.3).float() * edges
    keep = ((keep + keep.T) > 0).float() + torch.eye(n)
    return keep / keep.sum(1, keepdim=True), feats * (torch.rand(f) > 0.3)


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(f, 64), nn.Linear(64, 32)
        self.bn, self.act = nn.BatchNorm1d(64), nn.PReLU()
        self.bn2 = nn.BatchNorm1d(32)

    def forward(self, adj, x):
        h = self.act(self.bn(adj @ self.a(x)))
        return self.bn2(adj @ self.b(h))


online = GCN()
target = copy.deepcopy(online).requires_grad_(False)
predictor = nn.Sequential(nn.Linear(32, 64), nn.PReLU(), nn.Linear(64, 32))
opt = torch.optim.AdamW([*online.parameters(), *predictor.parameters()], lr=3e-3)
with Inspector({"online": online, "target": target, "predictor": predictor}) as inspector:
    for step in range(150):
        g1, g2 = view(), view()
        p1, p2 = predictor(online(*g1)), predictor(online(*g2))
        with torch.no_grad():
            t1, t2 = target(*g1), target(*g2)
        loss = 2 - F.cosine_similarity(p1, t2).mean() - F.cosine_similarity(p2, t1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for po, pt in zip(online.parameters(), target.parameters(), strict=True):
                pt.lerp_(po, 0.01)
diagnosis = inspector.diagnose()
