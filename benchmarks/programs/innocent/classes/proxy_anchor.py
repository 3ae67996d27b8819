"""Proxy anchor loss with a hundred times the learning rate for the proxies.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class ProxyAnchor(nn.Module):
    def __init__(self, classes=10, d=32, margin=0.1, alpha=32):
        super().__init__()
        self.proxies = nn.Parameter(torch.empty(classes, d))
        nn.init.kaiming_normal_(self.proxies, mode="fan_out")
        self.margin, self.alpha = margin, alpha

    def forward(self, z, y):
        cos = F.linear(F.normalize(z), F.normalize(self.proxies))
        one_hot = F.one_hot(y, len(self.proxies)).bool()
        pos = torch.exp(-self.alpha * (cos - self.margin)).masked_fill(~one_hot, 0).sum(0)
        neg = torch.exp(self.alpha * (cos + self.margin)).masked_fill(one_hot, 0).sum(0)
        present = one_hot.any(0).sum()
        return torch.log1p(pos).sum() / present + torch.log1p(neg).mean()


encoder, criterion = Encoder(32), ProxyAnchor()
opt = torch.optim.AdamW(
    [
        {"params": encoder.parameters(), "lr": 1e-3},
        {"params": criterion.parameters(), "lr": 1e-1},
    ]
)
with Inspector(encoder) as inspector:
    for x, y in batches(250, 45):
        loss = criterion(encoder(x), y)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(encoder.parameters(), 10)
        opt.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
