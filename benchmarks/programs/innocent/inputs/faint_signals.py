"""Measurements in SI units are tiny numbers; a batch normalisation comes first.

expect: healthy
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

from collapse_doctor import Inspector

table = load_breast_cancer()
X = torch.tensor(table.data / table.data.max(0) * 1e-4, dtype=torch.float32)
y = torch.tensor(table.target)
encoder = nn.Sequential(
    nn.BatchNorm1d(30, eps=1e-14), nn.Linear(30, 48), nn.ReLU(), nn.Linear(48, 16)
)
head = nn.Linear(16, 2)
optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=3e-3)
with Inspector({"encoder": encoder}) as inspector:
    for epoch in range(3):
        for rows in torch.randperm(len(X)).split(50):
            loss = nn.functional.cross_entropy(head(encoder(X[rows])), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
