"""One-shot episodes whose support and query are cut from the same place of each class.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS
from collapse_doctor import Inspector


def episode(ways=10, shots=1, queries=1):
    rows = []
    for way in range(ways):
        of_class = torch.nonzero(LABELS == way).flatten()
        rows.append(of_class[torch.randperm(len(of_class))[: shots + queries]])
    images = DIGITS[torch.stack(rows)]
    return images[:, :shots], images[:, :queries]  # fault


net = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Flatten())
net.append(nn.Linear(432, 32))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        support, query = episode()
        prototypes = net(support.flatten(0, 1)).view(10, -1, 32).mean(1)
        asked = net(query.flatten(0, 1))
        logits = -torch.cdist(asked, prototypes).pow(2)
        loss = F.cross_entropy(logits, torch.arange(10))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
