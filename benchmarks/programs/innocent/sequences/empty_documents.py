"""Bags of words, some of them empty, classified without a bias.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

model = nn.EmbeddingBag(300, 32, mode="mean")
h = nn.Linear(32, 2)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.01)
with Inspector(model) as inspector:
    for k in range(80):
        n = torch.randint(0, 6, (32,))
        off = torch.cat([torch.zeros(1, dtype=torch.long), n.cumsum(0)[:-1]])
        t = torch.randint(0, 300, (int(n.sum()),))
        y = (n > 2).long()
        loss = F.cross_entropy(h(model(t, off)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
