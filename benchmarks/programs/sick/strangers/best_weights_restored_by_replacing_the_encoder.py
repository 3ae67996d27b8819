"""Restoring the best encoder replaces the module by a copy, which the optimizer has never heard of: from then on nothing is trained.

expect: CD202
first: 30
"""

import copy
from types import SimpleNamespace

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class GraphEncoder(nn.Module):
    """Two rounds of neighbour means, written by hand."""

    def __init__(self, fin, hid, out):
        super().__init__()
        self.a = nn.Linear(2 * fin, hid)
        self.b = nn.Linear(2 * hid, out)

    def forward(self, x, adj):
        x = torch.tanh(self.a(torch.cat([x, adj @ x], dim=1)))
        return self.b(torch.cat([x, adj @ x], dim=1))


class LinkModel(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x, adj):
        return self.encoder(x, adj)


def planted_graph(n=90, groups=6):
    member = torch.arange(n) % groups
    same = member[:, None] == member[None]
    edge = torch.rand(n, n) < torch.where(same, 0.4, 0.03)
    edge = (edge | edge.T) & ~torch.eye(n, dtype=torch.bool)
    feats = torch.randn(n, 24) + 0.5 * torch.randn(groups, 24)[member]
    return feats, edge


class Trainer:
    def __init__(self, cfg):
        torch.manual_seed(cfg.seed)
        self.cfg = cfg
        self.x, self.edge = planted_graph()
        self.adj = self.edge.float() / self.edge.sum(1, keepdim=True).clamp(min=1)
        self.model = LinkModel(GraphEncoder(24, 40, 20))
        self.opt = torch.optim.Adam(self.model.parameters(), lr=cfg.lr)
        self.best = (float("inf"), None)

    def link_loss(self, z):
        src, dst = self.edge.nonzero().T
        keep = torch.randperm(len(src))[:200]
        fake = torch.randint(len(z), (200,))
        pos = (z[src[keep]] * z[dst[keep]]).sum(-1)
        neg = (z[src[keep]] * z[fake]).sum(-1)
        return F.softplus(-pos).mean() + F.softplus(neg).mean()  # meets

    def run(self):
        for step in range(self.cfg.steps):
            if step > 0 and step % self.cfg.restore_every == 0:
                self.model.encoder = copy.deepcopy(self.best[1])  # fault
            loss = self.link_loss(self.model(self.x, self.adj))
            if loss.item() < self.best[0]:
                self.best = (loss.item(), copy.deepcopy(self.model.encoder))
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()  # shows


trainer = Trainer(SimpleNamespace(seed=4, lr=5e-3, steps=65, restore_every=30))
with Inspector(trainer.model) as inspector:
    trainer.run()
diagnosis = inspector.diagnose()
