"""Gradient caching: the loss's gradient stops at the leaves, the second pass was never written.

expect: CD201
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def info_nce(q, d, tau=0.1):
    q, d = nn.functional.normalize(q, dim=-1), nn.functional.normalize(d, dim=-1)
    return nn.functional.cross_entropy(q @ d.T / tau, torch.arange(len(q)))


def cached_step(query_net, doc_net, queries, docs, optimizer, chunk=16):
    reps = []
    for net, data in ((query_net, queries), (doc_net, docs)):
        full = torch.cat([net(part) for part in data.split(chunk)])
        reps.append(full.detach().requires_grad_())  # fault
    loss = info_nce(*reps)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


query_net = nn.Sequential(nn.Linear(20, 48), nn.GELU(), nn.Linear(48, 20))
doc_net = nn.Sequential(nn.Linear(20, 48), nn.GELU(), nn.Linear(48, 20))
optimizer = torch.optim.AdamW([*query_net.parameters(), *doc_net.parameters()], lr=1e-3)
topic = torch.randn(8, 20)
with Inspector({"query": query_net, "doc": doc_net}) as inspector:
    for _ in range(25):
        t = torch.randn(64, 8)
        queries, docs = (t @ topic + 0.3 * torch.randn(64, 20) for _ in range(2))
        cached_step(query_net, doc_net, queries, docs, optimizer)
diagnosis = inspector.diagnose()
