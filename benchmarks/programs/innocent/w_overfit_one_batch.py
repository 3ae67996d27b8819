"""The sanity check everybody makes: one batch, over and over.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x = torch.tensor(data.images[:64], dtype=torch.float32)[:, None] / 16
y = torch.tensor(data.target[:64])
model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 32))
head = nn.Linear(32, 10)
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=3e-3)
with Inspector(model) as inspector:
    for _ in range(40):
        loss = nn.functional.cross_entropy(head(model(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
