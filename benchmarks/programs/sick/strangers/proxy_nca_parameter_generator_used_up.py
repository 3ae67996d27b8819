"""Counting the weights uses up the parameter generator, the optimizer gets an empty group for the network and only the proxies learn.

expect: CD202
"""

import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

torch.manual_seed(2)
wine = load_wine()
x_all = torch.tensor(wine.data, dtype=torch.float32)
x_all = (x_all - x_all.mean(0)) / x_all.std(0)
y_all = torch.tensor(wine.target)


class ProxyNCA(nn.Module):
    def __init__(self, classes, dim):
        super().__init__()
        self.proxies = nn.Parameter(torch.randn(classes, dim))

    def forward(self, emb, labels):
        emb = F.normalize(emb, dim=1) * 3
        proxies = F.normalize(self.proxies, dim=1) * 3
        d = torch.cdist(emb, proxies) ** 2  # meets
        return F.cross_entropy(-d, labels)


net = nn.Sequential()
net.add_module("fc1", nn.Linear(13, 50))
net.add_module("act1", nn.SiLU())
net.add_module("fc2", nn.Linear(50, 50))
net.add_module("act2", nn.SiLU())
net.add_module("emb", nn.Linear(50, 12))
criterion = ProxyNCA(3, 12)

net_params = net.parameters()  # fault
count = sum(p.numel() for p in net_params)  # fault
print(f"training {count / 1e3:.1f}k weights")

opt = torch.optim.Adam(
    [
        {"params": net_params, "lr": 1e-3},
        {"params": criterion.parameters(), "lr": 5e-2},
    ]
)  # fault

with Inspector(net) as inspector:
    for step in range(60):
        pick = torch.randperm(len(x_all))[:36]
        x = x_all[pick] + 0.1 * torch.randn(36, 13)
        loss = criterion(net(x), y_all[pick])
        for p in [*net.parameters(), *criterion.parameters()]:
            p.grad = None
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
