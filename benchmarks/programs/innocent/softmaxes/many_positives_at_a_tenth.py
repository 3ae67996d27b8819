"""Supervised contrastive loss by hand, the one of its paper, at a temperature of 0.1.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class SupCon(nn.Module):
    def __init__(self, temperature=0.1, base=0.1):
        super().__init__()
        self.temperature, self.base = temperature, base

    def forward(self, features, labels):
        views = features.shape[1]
        mask = (labels[:, None] == labels[None]).float().repeat(views, views)
        rows = torch.cat(torch.unbind(features, dim=1), dim=0)
        logits = torch.div(rows @ rows.T, self.temperature)
        logits = logits - logits.max(dim=1, keepdim=True).values.detach()
        others = 1 - torch.eye(len(rows))
        mask = mask * others
        shares = torch.exp(logits) * others
        log_prob = logits - torch.log(shares.sum(1, keepdim=True))
        mean = (mask * log_prob).sum(1) / mask.sum(1)
        return -(self.temperature / self.base) * mean.mean()


net = nn.Sequential(nn.Linear(22, 72), nn.ReLU(), nn.Linear(72, 24))
criterion = SupCon()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
means = torch.randn(7, 22)
with Inspector(net) as inspector:
    for _ in range(80):
        y = torch.randint(0, 7, (40,))
        both = [net(means[y] + 0.5 * torch.randn(40, 22)) for _ in range(2)]
        loss = criterion(F.normalize(torch.stack(both, 1), dim=-1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
