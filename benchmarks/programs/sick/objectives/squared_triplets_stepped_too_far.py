"""Squared distances, the hardest of each batch and steps of 1.0: all rows end at one place.

expect: CD207
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(5)
net = nn.Sequential(nn.Linear(16, 48), nn.LeakyReLU(0.1), nn.Linear(48, 24))
kinds = 0.1 * torch.randn(30, 16) + 0.3
optimizer = torch.optim.SGD(net.parameters(), lr=1.0)  # fault


def hardest(z, labels, margin=0.4):
    apart = torch.cdist(z, z).pow(2)
    same = labels.unsqueeze(0).eq(labels.unsqueeze(1))
    far = apart.masked_fill(~same, 0.0).max(1).values
    near = apart.masked_fill(same, 1e5).min(1).values
    return F.relu(far - near + margin).mean()  # meets  # shows


with Inspector(net) as inspector:
    for _ in range(90):
        labels = torch.randperm(30)[:8].repeat_interleave(4)
        loss = hardest(net(kinds[labels] + 0.3 * torch.randn(32, 16)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
