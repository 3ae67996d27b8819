"""The supervised contrastive loss of its paper, its temperature and its base given as 50 each.

expect: CD207
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
        logits = torch.div(rows @ rows.T, self.temperature)  # shows
        logits = logits - logits.max(dim=1, keepdim=True).values.detach()
        others = 1 - torch.eye(len(rows))
        mask = mask * others
        shares = torch.exp(logits) * others
        log_prob = logits - torch.log(shares.sum(1, keepdim=True))
        mean = (mask * log_prob).sum(1) / mask.sum(1)
        return -(self.temperature / self.base) * mean.mean()


net = nn.Sequential(nn.Linear(22, 72), nn.ReLU(), nn.Linear(72, 24))
criterion = SupCon(temperature=50.0, base=50.0)  # fault
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
