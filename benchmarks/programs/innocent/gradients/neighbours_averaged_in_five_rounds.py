"""Five rounds over a graph, with the matrix divided by its degrees before, and drawn after He.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Round(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.lin = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        nn.init.kaiming_normal_(self.lin.weight)

    def forward(self, h, mean):
        return h + F.relu(mean @ self.lin(self.norm(h)))


class Graph(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(30, 32)
        self.rounds = nn.ModuleList(Round(32) for _ in range(5))
        self.leave = nn.Linear(32, 16)

    def forward(self, x, mean):
        h = self.enter(x)
        for one in self.rounds:
            h = one(h, mean)
        return self.leave(h)


n = 90
group = torch.arange(n) % 9
edge = torch.rand(n, n) < 0.02 + 0.4 * (group[:, None] == group[None])
edge = (edge | edge.T).float()
mean = edge / edge.sum(1, keepdim=True).clamp(min=1)
features = torch.randn(n, 30) + 0.5 * torch.randn(9, 30)[group]
net = Graph()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
where = edge.nonzero()
with Inspector(net) as inspector:
    for step in range(60):
        z = F.normalize(net(features, mean), dim=1)
        e = where[torch.randint(0, len(where), (120,))]
        near = (z[e[:, 0]] * z[e[:, 1]]).sum(1)
        far = (z[e[:, 0]] * z[torch.randint(0, n, (120,))]).sum(1)
        loss = F.softplus(4 * (far - near)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
