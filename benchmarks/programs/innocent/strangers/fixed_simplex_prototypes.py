"""Embeddings are pulled to class prototypes that never change and never were outputs of the network.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector


def simplex(classes, dim, generator):
    """Equiangular targets: centred orthonormal rows."""
    q, _ = torch.linalg.qr(torch.randn(dim, classes, generator=generator))
    p = q.t() - q.t().mean(0, keepdim=True)
    return F.normalize(p, dim=1)


class Hyperspherical(nn.Module):
    def __init__(self, dim=30):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 110), nn.BatchNorm1d(110), nn.CELU(), nn.Dropout(0.1), nn.Linear(110, dim)
        )
        self.register_buffer("prototypes", simplex(10, dim, torch.Generator().manual_seed(0)))

    def forward(self, x):
        return self.net(x)

    def loss(self, z, y):
        goal = self.prototypes[y]
        return (1 - F.cosine_similarity(z, goal, dim=1)).pow(2).mean()


digits = load_digits()
data = TensorDataset(
    torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target)
)
loader = DataLoader(data, batch_size=75, shuffle=True, drop_last=True)
model = Hyperspherical()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for epoch in range(2):
        for x, y in loader:
            loss = model.loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())
diagnosis = inspector.diagnose()
