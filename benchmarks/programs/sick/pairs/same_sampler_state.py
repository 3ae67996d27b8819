"""Two samplers of pairs are built with one seed, and so draw the same rows.

expect: CD104
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class RowSampler:
    def __init__(self, n, seed):
        self.n = n
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self, count):
        return torch.randint(self.n, (count,), generator=self.generator)


left, right = RowSampler(60, seed=11), RowSampler(60, seed=11)  # fault
net = nn.Sequential(nn.Linear(18, 40), nn.ReLU(), nn.Linear(40, 12))
head = nn.Linear(12, 3)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=1e-3)
data = torch.randn(60, 18)
with Inspector(net) as inspector:
    for _ in range(25):
        z = net(data)
        i, j = left.draw(40), right.draw(40)
        margin = F.relu(1.0 - (z[i] - z[j]).norm(dim=1)).mean()  # shows
        loss = F.cross_entropy(head(z), data[:, :3].argmax(1)) + margin
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
