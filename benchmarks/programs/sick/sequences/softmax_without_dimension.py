"""``F.softmax`` of (B, T, 1) without a dimension takes the first of three: weights over the batch.

expect: CD206
"""

import warnings

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

warnings.simplefilter("ignore")


class Attend(nn.Module):
    def __init__(self, features=6, d=24):
        super().__init__()
        self.rnn = nn.GRU(features, d, batch_first=True)
        self.query = nn.Parameter(torch.randn(d, 1) / d**0.5)
        self.out = nn.Linear(d, 12)

    def forward(self, x):
        h, _ = self.rnn(x)
        a = F.softmax(torch.tanh(h) @ self.query)  # fault
        context = torch.einsum("bto,btd->bd", a, h)
        return self.out(context)


def sensors(n, t=14):
    kind = torch.randint(0, 3, (n,))
    time = torch.arange(t).float()[None, :, None]
    return torch.sin(time * (0.3 + 0.3 * kind[:, None, None])) + 0.2 * torch.randn(n, t, 6), kind


net = Attend()
proxies = nn.Parameter(torch.randn(3, 12))
opt = torch.optim.Adam([*net.parameters(), proxies], 3e-3)
with Inspector(net) as inspector:
    for step in range(80):
        x, kind = sensors(20)
        loss = F.cross_entropy(-torch.cdist(net(x), proxies), kind)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
