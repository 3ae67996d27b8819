"""After two epochs the backbone is to be frozen; the name test matches the projector as well.

expect: CD202
first: 16
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net_backbone = nn.Sequential(nn.Linear(20, 40), nn.ReLU())
        self.net_projector = nn.Linear(40, 16)
        self.scale = nn.Parameter(torch.tensor(5.0))

    def forward(self, x):
        return F.normalize(self.net_projector(self.net_backbone(x)), dim=1)


def freeze(model, prefix):
    for name, parameter in model.named_parameters():
        if name.startswith(prefix):
            parameter.requires_grad_(False)  # fault


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
items = torch.randn(128, 20)

with Inspector(net) as inspector:
    for epoch in range(6):
        if epoch == 2:
            freeze(net, prefix="net_")  # fault
        for rows in torch.randperm(128).split(16):
            x = items[rows]
            a, b = net(x + 0.2 * torch.randn_like(x)), net(x + 0.2 * torch.randn_like(x))
            loss = F.cross_entropy(net.scale * a @ b.T, torch.arange(len(rows)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
