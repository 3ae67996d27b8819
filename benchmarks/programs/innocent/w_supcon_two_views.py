"""SupCon with two views stacked to (batch, views, width) and normalised along the last axis.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def sup_con(features, labels, temperature=0.2):
    z = torch.cat(torch.unbind(features, dim=1))
    labels = labels.repeat(features.shape[1])
    eye = torch.eye(len(z), dtype=torch.bool)
    log_p = (z @ z.T / temperature).masked_fill(eye, -1e9).log_softmax(dim=1)
    positive = (labels[:, None] == labels[None]) & ~eye
    return -(log_p * positive).sum(1).div(positive.sum(1)).mean()


net = nn.Sequential(nn.Linear(30, 60), nn.ReLU(), nn.Linear(60, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
species = torch.randn(12, 30)
with Inspector(net) as inspector:
    for _ in range(40):
        y = torch.randint(0, 12, (32,))
        views = species[y][:, None] + 0.8 * torch.randn(32, 2, 30)
        loss = sup_con(F.normalize(net(views), dim=-1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
