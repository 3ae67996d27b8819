"""A + I is multiplied on in each of five layers without dividing by the degree: signal and gradient grow by the number of neighbours per layer.

expect: CD204
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def geometric_graph(n=100, radius=0.17):
    xy = torch.rand(n, 2)
    near = torch.cdist(xy, xy) < radius
    near.fill_diagonal_(False)
    return xy, near


class SumLayer(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.lin = nn.Linear(d_in, d_out)
        nn.init.kaiming_normal_(self.lin.weight, nonlinearity="relu")

    def forward(self, h, a_hat):
        return a_hat @ self.lin(h)  # fault


class SumGNN(nn.Module):
    def __init__(self, d_in, hidden, depth, d_out):
        super().__init__()
        dims = [d_in] + [hidden] * (depth - 1) + [d_out]
        self.layers = nn.ModuleList(SumLayer(a, b) for a, b in zip(dims, dims[1:]))

    def forward(self, x, a_hat):
        for k, layer in enumerate(self.layers):
            x = layer(x, a_hat)
            if k + 1 < len(self.layers):
                x = F.leaky_relu(x, 0.3)
        return x


torch.manual_seed(1)
xy, near = geometric_graph()
features = torch.cat([xy - 0.5, torch.randn(len(xy), 40)], dim=1)  # place and interests
a_hat = near.float() + torch.eye(len(xy))  # fault
edges = near.nonzero()

gnn = SumGNN(features.shape[1], 48, 5, 16)
opt = torch.optim.RMSprop(gnn.parameters(), lr=1e-4)

with Inspector(gnn) as inspector:
    for epoch in range(40):
        z = gnn(features, a_hat)
        e = edges[torch.randperm(len(edges))[:150]]
        noise = torch.randint(len(xy), (150,))
        pos = (z[e[:, 0]] - z[e[:, 1]]).norm(dim=1)
        neg = (z[e[:, 0]] - z[noise]).norm(dim=1)
        loss = F.relu(pos - neg + 2.0).mean()  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
