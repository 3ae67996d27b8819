"""Prototypical networks: squared distances of queries to class means of the support.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
members = [torch.nonzero(y == c).flatten() for c in range(10)]
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        ways = torch.randperm(10)[:5].tolist()
        picked = torch.stack([members[c][torch.randperm(len(members[c]))[:10]] for c in ways])
        z = net(x[picked.flatten()]).view(5, 10, -1)
        prototypes, queries = z[:, :4].mean(1), z[:, 4:].flatten(0, 1)
        logits = -torch.cdist(queries, prototypes).pow(2)
        loss = F.cross_entropy(logits, torch.arange(5).repeat_interleave(6))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
