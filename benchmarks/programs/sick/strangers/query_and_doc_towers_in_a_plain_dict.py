"""The towers are kept in a plain dict instead of an nn.ModuleDict, so parameters() hands only the temperature to the optimizer.

expect: CD202
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def tower(n_in, n_out):
    return nn.Sequential(nn.LayerNorm(n_in), nn.Linear(n_in, 72), nn.GELU(), nn.Linear(72, n_out))


class DualEncoder(nn.Module):
    def __init__(self, q_dim=30, d_dim=45, out=28):
        super().__init__()
        self.towers = {"query": tower(q_dim, out), "doc": tower(d_dim, out)}  # fault
        self.log_temp = nn.Parameter(torch.tensor(-1.0))

    def forward(self, query, doc):
        return {
            "query": F.normalize(self.towers["query"](query), dim=-1),
            "doc": F.normalize(self.towers["doc"](doc), dim=-1),
        }


def clicks(n, topics=16):
    g = torch.Generator().manual_seed(99)
    to_q, to_d = torch.randn(topics, 30, generator=g), torch.randn(topics, 45, generator=g)
    while True:
        mix = torch.softmax(2 * torch.randn(n, topics), dim=1)
        yield mix @ to_q + 0.05 * torch.randn(n, 30), mix @ to_d + 0.05 * torch.randn(n, 45)


model = DualEncoder()
opt = torch.optim.Adagrad(model.parameters(), lr=0.05)

with Inspector(model) as inspector:
    for step, (q, d) in zip(range(50), clicks(48)):
        out = model(q, d)
        scores = out["query"] @ out["doc"].T / model.log_temp.exp()
        target = torch.arange(len(q))
        loss = F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()  # shows
diagnosis = inspector.diagnose()
