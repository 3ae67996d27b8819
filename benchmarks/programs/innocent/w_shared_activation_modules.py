"""One ReLU and one Dropout object used in many places.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
y = torch.tensor(data.target)
act, drop, pool = nn.ReLU(inplace=True), nn.Dropout(0.1), nn.MaxPool2d(2)
body = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1),
    act,
    pool,
    nn.Conv2d(12, 24, 3, padding=1),
    act,
    pool,
    nn.Flatten(),
    nn.Linear(96, 48),
    act,
    drop,
    nn.Linear(48, 24),
)
head = nn.Sequential(act, drop, nn.Linear(24, 10))
optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=6e-3)
with Inspector({"body": body, "head": head}) as inspector:
    for rows in torch.randperm(1600).split(50):
        loss = nn.functional.cross_entropy(head(body(x[rows])), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
