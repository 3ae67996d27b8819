"""Deep graph infomax: the features of the nodes change places, and their scores are drawn down.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Graph(nn.Module):
    def __init__(self, n_in=20, width=24):
        super().__init__()
        self.first = nn.Linear(n_in, width)
        self.second = nn.Linear(width, width)

    def forward(self, x, links):
        return self.second(links @ torch.relu(self.first(links @ x)))


kinds = torch.arange(120) % 4
near = (kinds[:, None] == kinds) & (torch.rand(120, 120) < 0.2) | torch.eye(120, dtype=torch.bool)
links = near.float() / near.sum(1, keepdim=True)
features = torch.randn(4, 20)[kinds] + torch.randn(120, 20)
graph, weight = Graph(), nn.Parameter(torch.randn(24, 24) / 5)
optimizer = torch.optim.Adam([*graph.parameters(), weight], lr=5e-3)
with Inspector(graph) as inspector:
    for _ in range(30):
        x = features + 0.1 * torch.randn_like(features)
        real, fake = graph(x, links), graph(x[torch.randperm(120)], links)
        whole = torch.sigmoid(real.mean(0))
        loss = F.softplus(-real @ weight @ whole).mean() + F.softplus(fake @ weight @ whole).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
