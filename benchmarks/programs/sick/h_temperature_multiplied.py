"""The temperature is so high that all logits are alike: InfoNCE stays at log of the batch size.

expect: CD207
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

SETTINGS = {"temperature": 5000.0, "lr": 0.05}  # fault

net = nn.Sequential(nn.Linear(28, 64), nn.ReLU(), nn.Linear(64, 20))
optim = torch.optim.SGD(net.parameters(), lr=SETTINGS["lr"])
basis = torch.randn(9, 28)
with Inspector(net) as inspector:
    for _ in range(60):
        s = torch.randn(64, 9)
        a = F.normalize(net(s @ basis + 0.2 * torch.randn(64, 28)), dim=1)
        b = F.normalize(net(s @ basis + 0.2 * torch.randn(64, 28)), dim=1)
        logits = a @ b.T / SETTINGS["temperature"]  # shows
        loss = F.cross_entropy(logits, torch.arange(64))  # shows
        optim.zero_grad()
        loss.backward()
        optim.step()
diagnosis = inspector.diagnose()
