"""Deep Graph Infomax runs one encoder twice over the same graph, once with the node features permuted, on purpose.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def sensor_network(n=180, k=5, channels=20):
    place = torch.rand(n, 2)
    near = torch.cdist(place, place).topk(k + 1, largest=False).indices
    a = torch.zeros(n, n).scatter_(1, near, 1.0)
    a = ((a + a.T) > 0).float()
    waves = torch.sin(place @ (6 * torch.randn(2, channels)) + torch.randn(channels))
    return waves + 0.2 * torch.randn(n, channels), a / a.sum(1, keepdim=True)


class GraphSAGE(nn.Module):
    def __init__(self, channels, hidden, out):
        super().__init__()
        self.self1, self.near1 = nn.Linear(channels, hidden), nn.Linear(channels, hidden)
        self.self2, self.near2 = nn.Linear(hidden, out), nn.Linear(hidden, out)

    def forward(self, x, a):
        h = F.leaky_relu(self.self1(x) + self.near1(a @ x), 0.2)
        out = self.self2(h) + self.near2(a @ h)
        return out - out.mean(0)


class DGI(nn.Module):
    def __init__(self, encoder, out):
        super().__init__()
        self.encoder = encoder
        self.score = nn.Bilinear(out, out, 1)

    def forward(self, x, a):
        real = self.encoder(x, a)
        fake = self.encoder(x[torch.randperm(len(x))], a)
        local = a @ (a @ real)
        logits = torch.cat([self.score(real, local), self.score(fake, local)]).squeeze(-1)
        labels = torch.cat([torch.ones(len(x)), torch.zeros(len(x))])
        return F.binary_cross_entropy_with_logits(logits, labels)


x, a = sensor_network()
dgi = DGI(GraphSAGE(20, 48, 20), 20)
optimizer = torch.optim.Adam(dgi.parameters(), lr=4e-3)
with Inspector(dgi.encoder) as inspector:
    for epoch in range(70):
        loss = dgi(x, a)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 14 == 0:
            print(epoch, loss.item())
diagnosis = inspector.diagnose()
