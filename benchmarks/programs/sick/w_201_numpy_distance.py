"""A NumPy person's contrastive loss: distances by np.linalg.norm, then a tensor that requires grad.

expect: CD201
"""

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn

from collapse_doctor import Inspector

wine = load_wine()
table = (wine.data - wine.data.mean(0)) / wine.data.std(0)
siamese = nn.Sequential(nn.Linear(13, 26), nn.Tanh(), nn.Linear(26, 4))
optimizer = torch.optim.SGD(siamese.parameters(), lr=0.1)


def contrastive(u, v, same, margin=1.0):
    d = np.linalg.norm(u.detach().numpy() - v.detach().numpy(), axis=1)  # fault # meets
    value = same * d**2 + (1 - same) * np.maximum(0, margin - d) ** 2
    return torch.tensor(value.mean(), requires_grad=True)  # fault


with Inspector(siamese) as inspector:
    for _ in range(30):
        i, j = np.random.randint(0, len(table), (2, 32))
        left = torch.tensor(table[i], dtype=torch.float32)
        right = torch.tensor(table[j], dtype=torch.float32)
        same = (wine.target[i] == wine.target[j]).astype(float)
        loss = contrastive(siamese(left), siamese(right), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
