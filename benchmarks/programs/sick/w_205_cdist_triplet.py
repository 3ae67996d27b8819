"""A hand-made triplet loss with torch.cdist, which gives all pairs where one pair a row is meant.

expect: CD205
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector


class TripletLoss(nn.Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, anchor, positive, negative):
        d_ap = torch.cdist(anchor, positive)  # fault # meets
        d_an = torch.cdist(anchor, negative)  # fault # meets
        return torch.clamp(d_ap - d_an + self.margin, min=0).mean()


class EmbeddingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(36, 72), nn.ReLU(), nn.Linear(72, 16))

    def forward(self, x):
        return self.fc(x)


model = EmbeddingNet()
criterion = TripletLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
centers = torch.randn(15, 36)

with Inspector(model) as inspector:
    for _ in range(30):
        c = torch.randint(0, 15, (32,))
        d = (c + torch.randint(1, 15, (32,))) % 15
        anchor, positive, negative = (centers[k] + 0.4 * torch.randn(32, 36) for k in (c, c, d))
        loss = criterion(model(anchor), model(positive), model(negative))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
