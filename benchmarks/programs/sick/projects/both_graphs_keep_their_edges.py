"""A GRACE-like project: `training` is off where edges and features are dropped, in both views.

expect: CD107
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def make_graph(nodes=200, kinds=5, features=24):
    y = torch.randint(kinds, (nodes,))
    near = torch.rand(nodes, nodes) < torch.where(y[:, None] == y, 0.08, 0.01)
    adjacency = (near | near.T).float().fill_diagonal_(0)
    x = torch.randn(kinds, features)[y] + torch.randn(nodes, features)
    return x, adjacency.nonzero().T, y


def dropout_edges(edges, p, training):
    if not training or p == 0:
        return edges
    return edges[:, torch.rand(edges.shape[1]) >= p]


def mask_features(x, p, training):
    return x * (torch.rand(x.shape[1]) >= p) if training else x


class GraphConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.lin = nn.Linear(inputs, outputs)

    def forward(self, x, edges):
        source, target = edges
        degree = torch.bincount(target, minlength=len(x)).clamp(min=1).to(x.dtype)
        out = torch.zeros_like(x).index_add(0, target, x[source]) / degree[:, None]
        return self.lin(x + out)


class Encoder(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.convs = nn.ModuleList([GraphConv(inputs, hidden), GraphConv(hidden, outputs)])
        self.act = nn.PReLU()

    def forward(self, x, edges):
        for conv in self.convs[:-1]:
            x = self.act(conv(x, edges))
        return self.convs[-1](x, edges)


class Grace(nn.Module):
    def __init__(self, encoder, width, tau=0.4):
        super().__init__()
        self.encoder, self.tau = encoder, tau
        self.project = nn.Sequential(nn.Linear(width, width), nn.ELU(), nn.Linear(width, width))

    def forward(self, x, edges):
        return self.project(self.encoder(x, edges))

    def semi_loss(self, z1, z2):
        own = torch.exp(z1 @ z1.t() / self.tau)
        between = torch.exp(z1 @ z2.t() / self.tau)  # shows
        return -torch.log(between.diag() / (own.sum(1) + between.sum(1) - own.diag()))

    def loss(self, z1, z2):
        z1, z2 = F.normalize(z1), F.normalize(z2)
        return ((self.semi_loss(z1, z2) + self.semi_loss(z2, z1)) / 2).mean()


def probe(encoder, x, edges, y):
    with torch.no_grad():
        h = F.normalize(encoder(x, edges))
    head = nn.Linear(h.shape[1], int(y.max()) + 1)
    optimizer = torch.optim.Adam(head.parameters(), 0.05)
    for _ in range(30):
        optimizer.zero_grad()
        F.cross_entropy(head(h[::2]), y[::2]).backward()
        optimizer.step()
    return (head(h[1::2]).argmax(1) == y[1::2]).float().mean().item()


x, edges, y = make_graph()
model = Grace(Encoder(24, 48, 32), 32)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-5)
dropping = {"p": 0.3, "training": not model.training}  # fault
with Inspector(model) as inspector:
    for epoch in range(50):
        model.train()
        views = [(mask_features(x, **dropping), dropout_edges(edges, **dropping)) for _ in range(2)]
        z1, z2 = (model(*view) for view in views)
        loss = model.loss(z1, z2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 25 == 24:
            model.eval()
            accuracy = probe(model.encoder, x, edges, y)
diagnosis = inspector.diagnose()
