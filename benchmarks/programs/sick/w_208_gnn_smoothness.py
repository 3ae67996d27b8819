"""Node embeddings trained for smoothness over edges alone, by a dense adjacency.

expect: CD208
"""

import torch
from torch import nn

from collapse_doctor import Inspector

n = 80
where = torch.rand(n, 2)
adjacency = ((where[:, None] - where[None]).norm(dim=-1) < 0.2).float().fill_diagonal_(0)
source, target = adjacency.nonzero(as_tuple=True)


class SAGE(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.own, self.neighbours = nn.Linear(d_in, 32), nn.Linear(d_in, 32)
        self.out = nn.Linear(32, d_out)

    def forward(self, x, a):
        mean = a @ x / a.sum(1, keepdim=True).clamp(min=1)
        return self.out(torch.relu(self.own(x) + self.neighbours(mean)))


sage = SAGE(10, 12)
x = torch.cat([where, torch.randn(n, 8)], dim=1)
optimizer = torch.optim.Adam(sage.parameters(), lr=5e-3)
with Inspector(sage) as inspector:
    for _ in range(50):
        h = sage(x, adjacency)
        loss = (h[source] - h[target]).square().sum(dim=1).mean()  # fault # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
