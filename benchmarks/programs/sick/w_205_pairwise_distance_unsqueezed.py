"""Centre loss: embeddings (B, 1, D) against the centres of their labels (B, D).

expect: CD205
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class CenterLoss(nn.Module):
    def __init__(self, classes, dim):
        super().__init__()
        self.centers = nn.Parameter(torch.randn(classes, dim))

    def forward(self, features, labels):
        own = self.centers[labels]
        return F.pairwise_distance(features.unsqueeze(1), own).mean()  # fault # meets


net = nn.Sequential(nn.Linear(21, 42), nn.ReLU(), nn.Linear(42, 8))
classifier, center_loss = nn.Linear(8, 6), CenterLoss(6, 8)
everything = nn.ModuleList([net, classifier, center_loss])
optimizer = torch.optim.SGD(everything.parameters(), lr=0.05)
means = torch.randn(6, 21)

with Inspector(net) as inspector:
    for _ in range(35):
        y = torch.randint(0, 6, (30,))
        z = net(means[y] + 0.5 * torch.randn(30, 21))
        loss = F.cross_entropy(classifier(z), y) + 0.1 * center_loss(z, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
