"""Triplets are mined in NumPy, and the arrays that come back are what the loss is made of.

expect: CD201
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def mine(embeddings, labels):
    z = embeddings.detach().cpu().numpy()  # fault
    y = labels.numpy()
    order = np.random.permutation(len(y))
    positive = np.array([np.flatnonzero(y == c)[0] for c in y])
    negative = np.array([order[y[order] != c][0] for c in y])
    return (torch.from_numpy(part) for part in (z, z[positive], z[negative]))


net = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 8))
bias = nn.Parameter(torch.zeros(8))
optimizer = torch.optim.Adam([*net.parameters(), bias], lr=1e-2)
kinds = torch.randn(6, 12)
with Inspector(net) as inspector:
    for _ in range(30):
        y = torch.randint(0, 6, (36,))
        a, p, n = mine(net(kinds[y] + 0.5 * torch.randn(36, 12)), y)
        loss = F.triplet_margin_loss(a + bias, p, n)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
