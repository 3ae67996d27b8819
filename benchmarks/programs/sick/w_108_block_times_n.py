"""A residual tower of six blocks, made with list multiplication: it is one block six times.

expect: CD108
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        return x + self.fc(self.norm(x))


class Tower(nn.Module):
    def __init__(self, depth=6, width=48):
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.blocks = nn.ModuleList([Block(width)] * depth)  # fault
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
model = Tower()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

with Inspector(model) as inspector:
    for rows in torch.randperm(len(x))[:1600].split(50):
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
