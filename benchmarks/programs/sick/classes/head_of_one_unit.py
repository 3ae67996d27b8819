"""A head of one unit in a dictionary of modules; the targets have one dimension.

expect: CD205
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def build(width):
    return nn.ModuleDict(
        {
            "body": nn.Sequential(nn.Linear(11, width), nn.ReLU(), nn.Linear(width, 16)),
            "head": nn.Linear(16, 1),  # fault
        }
    )


net = build(40)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
truth = torch.randn(11)
with Inspector(net["body"]) as inspector:
    for _ in range(25):
        x = torch.randn(30, 11)
        wanted = x @ truth
        predicted = net["head"](net["body"](x))
        loss = F.smooth_l1_loss(predicted, wanted)  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
