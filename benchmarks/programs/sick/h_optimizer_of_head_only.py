"""The optimizer is given the head's parameters only; the encoder stays as it was drawn.

expect: CD202
"""

import torch
from sklearn.datasets import load_wine
from torch import nn

from collapse_doctor import Inspector


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 12))
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        return self.head(self.encoder(x))


wine = load_wine()
X = torch.tensor((wine.data - wine.data.mean(0)) / wine.data.std(0), dtype=torch.float32)
Y = torch.tensor(wine.target)
model = Model()
optimizer = torch.optim.Adam(model.head.parameters(), lr=1e-2)  # fault
with Inspector(model.encoder) as inspector:
    for _ in range(30):
        rows = torch.randint(0, len(X), (48,))
        loss = nn.functional.cross_entropy(model(X[rows]), Y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()  # shows
diagnosis = inspector.diagnose()
