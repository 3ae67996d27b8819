"""Deep graph infomax: nodes against a summary of the graph, rows of the features shuffled as corruption.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

n = 120
y = torch.arange(n) % 5
a = ((torch.rand(n, n) < 0.02) | ((y[:, None] == y) & (torch.rand(n, n) < 0.2))).float()
a = ((a + a.T) > 0).float().fill_diagonal_(1)
a = a / a.sum(1, keepdim=True)
x = torch.eye(5)[y] @ torch.randn(5, 30) + torch.randn(n, 30)


class DGI(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.gcn = nn.Linear(30, d)
        self.act = nn.PReLU()
        self.disc = nn.Bilinear(d, d, 1)

    def encode(self, features):
        return self.act(a @ self.gcn(features))

    def forward(self, real, fake):
        h, hc = self.encode(real), self.encode(fake)
        s = h.mean(0).sigmoid().expand_as(h)
        return self.disc(h, s), self.disc(hc, s)


model = DGI()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
target = torch.cat([torch.ones(n, 1), torch.zeros(n, 1)])
with Inspector(model) as inspector:
    for _ in range(200):
        good, bad = model(x, x[torch.randperm(n)])
        loss = nn.functional.binary_cross_entropy_with_logits(torch.cat([good, bad]), target)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
