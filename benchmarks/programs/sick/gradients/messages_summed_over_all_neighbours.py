"""Messages are added up with `index_add`, and never divided by how many there are.

expect: CD204
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Round(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.message = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.message.weight)

    def forward(self, h, source, target):
        sent = self.message(h)[source]
        return torch.relu(h.index_add(0, target, sent))  # fault


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(12, 32)
        self.rounds = nn.ModuleList(Round(32) for _ in range(5))
        self.leave = nn.Linear(32, 10)

    def forward(self, x, source, target):
        h = torch.relu(self.enter(x))
        for step in self.rounds:
            h = step(h, source, target)
        return self.leave(h)


nodes, degree = 120, 16
source = torch.arange(nodes).repeat_interleave(degree)
target = (source + torch.randint(1, 12, source.shape)) % nodes
features = torch.randn(nodes, 12)
net = Network()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-6)

with Inspector(net) as inspector:
    for step in range(30):
        z = F.normalize(net(features, source, target), dim=1)
        picked = torch.randint(0, len(source), (90,))
        near = (z[source[picked]] * z[target[picked]]).sum(1)  # meets
        far = (z[source[picked]] * z[torch.randint(0, nodes, (90,))]).sum(1)
        loss = F.softplus(far - near).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
