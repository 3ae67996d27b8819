"""A reversal layer turns the domain gradient round and scales it to a tenth on purpose; the triplet loss reaches the features at full strength.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, lam):
        ctx.lam = lam
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return -ctx.lam * g, None


class Adapted(nn.Module):
    def __init__(self, d_in=34, dim=26):
        super().__init__()
        self.feature = nn.Sequential(nn.Linear(d_in, 80), nn.ReLU(), nn.Linear(80, dim))
        self.domain = nn.Sequential(nn.Linear(dim, 30), nn.ReLU(), nn.Linear(30, 1))

    def forward(self, x, lam=0.1):
        z = self.feature(x)
        return z, self.domain(Reverse.apply(z, lam)).squeeze(1)


class Sensors:
    """Twelve activities seen by two devices with an offset of their own."""

    def __init__(self):
        g = torch.Generator().manual_seed(4)
        self.proto = torch.randn(12, 34, generator=g)
        self.offset = 1.0 * torch.randn(2, 34, generator=g)

    def sample(self, activity, device):
        return self.proto[activity] + self.offset[device] + 0.7 * torch.randn(len(activity), 34)

    def batch(self, n):
        act = torch.randint(12, (n,))
        other = (act + torch.randint(1, 12, (n,))) % 12
        devices = torch.randint(2, (3, n))
        x = torch.cat([self.sample(a, d) for a, d in zip((act, act, other), devices)])
        return x, devices.flatten().float()


torch.manual_seed(20)
net, data = Adapted(), Sensors()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
history = {"triplet": [], "domain": []}

with Inspector(net.feature) as inspector:
    for step in range(60):
        x, dev = data.batch(48)
        z, dom = net(x)
        a, p, n = F.normalize(z, dim=1).chunk(3)
        triplet = F.triplet_margin_loss(a, p, n, margin=0.7)
        domain = F.binary_cross_entropy_with_logits(dom, dev)
        opt.zero_grad()
        (triplet + domain).backward()
        opt.step()
        history["triplet"].append(triplet.item())
        history["domain"].append(domain.item())
diagnosis = inspector.diagnose()
