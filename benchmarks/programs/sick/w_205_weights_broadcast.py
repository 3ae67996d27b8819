"""Per-sample weights of shape (B, 1) on per-sample losses of shape (B,).

expect: CD205
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn

from collapse_doctor import Inspector

cancer = load_breast_cancer()
x = torch.tensor(scale(cancer.data), dtype=torch.float32)
y = torch.tensor(cancer.target)


class Weigher(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, a, b, weight):
        return (weight * self.inner(a, b)).mean()  # meets


def distance(a, b):
    return 1 - F.cosine_similarity(a, b, dim=1)


net = nn.Sequential(nn.Linear(30, 30), nn.ReLU(), nn.Linear(30, 12))
head = nn.Linear(12, 2)
criterion = Weigher(distance)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=2e-3)

with Inspector(net) as inspector:
    for rows in torch.randperm(len(x))[:560].split(16):
        z1 = net(x[rows] + 0.1 * torch.randn(len(rows), 30))
        z2 = net(x[rows] + 0.1 * torch.randn(len(rows), 30))
        confidence = head(z1).softmax(dim=1).detach().amax(dim=1, keepdim=True)  # fault
        loss = criterion(z1, z2, confidence) + F.cross_entropy(head(z1), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
