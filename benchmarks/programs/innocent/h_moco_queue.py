"""MoCo: a momentum key encoder and a queue of keys of earlier steps.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class MoCo:
    def __init__(self, q, dim, size=256, m=0.95, t=0.2):
        self.q, self.k = q, copy.deepcopy(q).requires_grad_(False)
        self.queue = F.normalize(torch.randn(dim, size), dim=0)
        self.ptr, self.m, self.t = 0, m, t

    def loss(self, xq, xk):
        q = F.normalize(self.q(xq), dim=1)
        with torch.no_grad():
            for pk, pq in zip(self.k.parameters(), self.q.parameters()):
                pk.mul_(self.m).add_(pq, alpha=1 - self.m)
            k = F.normalize(self.k(xk), dim=1)
        l_pos = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
        l_neg = torch.einsum("nc,ck->nk", q, self.queue.clone().detach())
        logits = torch.cat([l_pos, l_neg], dim=1) / self.t
        self.queue[:, self.ptr : self.ptr + len(k)] = k.T
        self.ptr = (self.ptr + len(k)) % self.queue.shape[1]
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


mix = torch.randn(12, 28)
moco = MoCo(nn.Sequential(nn.Linear(28, 64), nn.ReLU(), nn.Linear(64, 20)), 20)
opt = torch.optim.SGD(moco.q.parameters(), lr=0.1, momentum=0.9)
with Inspector({"query": moco.q, "key": moco.k}) as inspector:
    for _ in range(50):
        s = torch.randn(64, 12)
        loss = moco.loss(s @ mix + 0.3 * torch.randn(64, 28), s @ mix + 0.3 * torch.randn(64, 28))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
