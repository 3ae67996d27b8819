"""A product catalogue in which half of the entries are the same product listed again, unchanged.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

unique = torch.randn(150, 25)
catalogue = unique[torch.cat([torch.arange(150), torch.randint(150, (150,))])]
product = (catalogue[:, None] == unique[None]).all(-1).float().argmax(1)

net = nn.Sequential(nn.Linear(25, 64), nn.GELU(), nn.Linear(64, 16))
opt = torch.optim.AdamW(net.parameters(), 2e-3)
with Inspector(net) as inspector:
    for e in range(40):
        for rows in torch.randperm(300).split(50):
            x, p = catalogue[rows], product[rows]
            a = F.normalize(net(x * (torch.rand_like(x) > 0.2)), dim=1)
            b = F.normalize(net(x), dim=1)
            same = (p[:, None] == p[None]).float()
            loss = (
                -(same / same.sum(1, keepdim=True) * F.log_softmax(a @ b.T / 0.1, 1)).sum(1).mean()
            )
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
