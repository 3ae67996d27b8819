"""Edge dropping is cooled down linearly and reaches zero, after which both graph views are the whole graph.

expect: CD107
first: 30
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call

from collapse_doctor import Inspector

NODES, FEATURES, STEPS, COOL_DOWN = 160, 24, 54, 30


def citation_graph():
    topic = torch.randint(0, 8, (NODES,))
    chance = torch.where(topic[:, None] == topic[None, :], 0.15, 0.01)
    upper = torch.triu(torch.rand(NODES, NODES) < chance, diagonal=1).float()
    words = torch.randn(8, FEATURES)[topic] + torch.randn(NODES, FEATURES)
    return words, upper


class GCN(nn.Module):
    def __init__(self, hidden=48, out=24):
        super().__init__()
        self.w1 = nn.Linear(FEATURES, hidden)
        self.w2 = nn.Linear(hidden, out)
        self.root = nn.Linear(FEATURES, out)

    def forward(self, x, upper):
        a = upper + upper.t() + torch.eye(len(x))
        d = a.sum(1).rsqrt()
        a = d[:, None] * a * d[None, :]
        return self.w2(a @ F.elu(self.w1(a @ x))) + self.root(x)


def drop_edges(upper, p):
    return upper * (torch.rand_like(upper) >= p)


def drop_rate(step):
    return 0.5 * max(0.0, 1 - step / COOL_DOWN)  # fault


def grace(h1, h2, tau=0.4):
    h1, h2 = F.normalize(h1, dim=1), F.normalize(h2, dim=1)
    between = torch.exp(h1 @ h2.t() / tau)  # meets
    within = torch.exp(h1 @ h1.t() / tau)
    denominator = between.sum(1) + within.sum(1) - within.diagonal()
    return -torch.log(between.diagonal() / denominator).mean()


x, edges = citation_graph()
gcn = GCN()
params = dict(gcn.named_parameters())
optimizer = torch.optim.Adam(params.values(), lr=3e-3, weight_decay=1e-5)

with Inspector(gcn) as inspector:
    for step in range(STEPS):
        p = drop_rate(step)
        view1, view2 = ((x, drop_edges(edges, p)) for _ in range(2))  # shows
        loss = grace(functional_call(gcn, params, view1), functional_call(gcn, params, view2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 9 == 0:
            print(f"step {step} drop {p:.2f} loss {loss.item():.4f}")
diagnosis = inspector.diagnose()
