"""Deep graph infomax: nodes are permuted by an order that was never drawn, so none is corrupted.

expect: CD107
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


class Infomax(nn.Module):
    def __init__(self, graph, width=24):
        super().__init__()
        self.graph = graph
        self.weight = nn.Parameter(torch.randn(width, width) / 5)

    def scores(self, nodes, whole):
        return nodes @ self.weight @ whole

    def loss(self, x, links):
        order = torch.arange(len(x))  # fault
        real = self.graph(x, links)
        fake = self.graph(x[order], links)  # shows
        whole = torch.sigmoid(real.mean(0).detach())
        yes = F.logsigmoid(self.scores(real, whole))
        no = F.logsigmoid(-self.scores(fake, whole))
        return -(yes.mean() + no.mean())


kinds = torch.arange(120) % 4
near = (kinds[:, None] == kinds) & (torch.rand(120, 120) < 0.2) | torch.eye(120, dtype=torch.bool)
links = near.float() / near.sum(1, keepdim=True)
features = torch.randn(4, 20)[kinds] + torch.randn(120, 20)
infomax = Infomax(Graph())
optimizer = torch.optim.Adam(infomax.parameters(), lr=5e-3)
with Inspector(infomax.graph) as inspector:
    for _ in range(25):
        x = features + 0.1 * torch.randn_like(features)
        optimizer.zero_grad()
        infomax.loss(x, links).backward()
        optimizer.step()
diagnosis = inspector.diagnose()
