"""The rows are put into a new tensor "that requires grad" before the loss: the network is cut off.

expect: CD201
"""

import warnings

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

warnings.simplefilter("ignore")
net = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 12))
opt = torch.optim.Adam(net.parameters(), 1e-3)


def to_batch(rows):
    return torch.tensor([r.tolist() for r in rows], requires_grad=True)  # fault


with Inspector(net) as inspector:
    for step in range(40):
        x = torch.randn(24, 16)
        a = to_batch(net(x))
        b = to_batch(net(x + 0.1 * torch.randn_like(x)))
        loss = F.cross_entropy(F.normalize(a) @ F.normalize(b).T / 0.1, torch.arange(24))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
