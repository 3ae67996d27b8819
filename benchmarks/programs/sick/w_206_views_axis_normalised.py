"""SupCon features of shape (batch, views, width), normalised with the default dim, the views' axis.

expect: CD206
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class MultiView(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(30, 60), nn.ReLU(), nn.Linear(60, 16))

    def forward(self, views):
        return F.normalize(self.trunk(views))  # fault


def sup_con(features, labels, temperature=0.5):
    z = features.transpose(0, 1).flatten(0, 1)
    labels = labels.repeat(features.shape[1])
    sim = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
    positive = (labels[:, None] == labels[None]) & ~torch.eye(len(z), dtype=torch.bool)
    log_p = sim.log_softmax(dim=1)
    return -(log_p * positive).sum(1).div(positive.sum(1)).mean()


model = MultiView()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
species = torch.randn(8, 30)

with Inspector(model) as inspector:
    for _ in range(30):
        y = torch.randint(0, 8, (32,))
        views = species[y][:, None] + 0.5 * torch.randn(32, 2, 30)
        loss = sup_con(model(views), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
