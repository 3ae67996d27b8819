"""A siamese net: one module embeds anchor, positive and negative.

expect: healthy
"""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale
from torch import nn

from collapse_doctor import Inspector


class Siamese(nn.Module):
    def __init__(self, tower):
        super().__init__()
        self.left = tower
        self.right = tower

    def forward(self, a, b):
        return self.left(a), self.right(b)


data = load_wine()
x, y = torch.tensor(scale(data.data), dtype=torch.float32), torch.tensor(data.target)
model = Siamese(nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 8)))
criterion = nn.CosineEmbeddingLoss(margin=0.2)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
with Inspector(model) as inspector:
    for _ in range(60):
        i, j = torch.randint(0, len(x), (2, 48))
        target = torch.where(y[i] == y[j], 1.0, -1.0)
        loss = criterion(*model(x[i], x[j]), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
