"""SimSiam written in an old style with .data; the target is the view's own projection.

expect: CD103
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector


class D(nn.Module):
    """Negative cosine similarity, normalised by hand."""

    def forward(self, p, z):
        p = p / p.norm(dim=1, keepdim=True)
        z = z / z.norm(dim=1, keepdim=True)
        return -(p * z).sum(dim=1).mean()  # meets


f = nn.Sequential(nn.Linear(28, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 20))
distance = D()
optimizer = torch.optim.SGD(f.parameters(), lr=0.05, momentum=0.9)
base = torch.randn(300, 28)

with Inspector(f) as inspector:
    for it in range(30):
        x = base[torch.randint(0, 300, (50,))]
        x1 = x + 0.3 * torch.randn_like(x)
        x2 = x + 0.3 * torch.randn_like(x)
        z1, z2 = f(x1), f(x2)
        loss = distance(z1, z1.data) / 2 + distance(z2, z2.data) / 2  # fault
        loss = loss + torch.relu(1 - torch.cat([z1, z2]).std(0)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
