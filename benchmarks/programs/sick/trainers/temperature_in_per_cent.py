"""A SupCon-like loss class whose temperature is given in per cent: cosines are divided by 70.

expect: CD207
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class MultiPositive(nn.Module):
    def __init__(self, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, z, y):
        z = F.normalize(z, dim=1)
        score = z @ z.T / self.temperature  # shows
        itself = torch.eye(len(z), dtype=torch.bool)
        score = score.masked_fill(itself, -1e9)
        log_share = score - score.logsumexp(dim=1, keepdim=True)
        same = (y[:, None] == y[None]) & ~itself
        per_anchor = (log_share * same).sum(1) / same.sum(1).clamp(min=1)
        return -per_anchor[same.any(1)].mean()


net = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 24))
criterion = MultiPositive(temperature=700)  # fault
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
means = torch.randn(5, 16)
with Inspector(net) as inspector:
    for _ in range(60):
        y = torch.randint(0, 5, (50,))
        loss = criterion(net(means[y] + 0.3 * torch.randn(50, 16)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
