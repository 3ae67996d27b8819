"""Row-wise triplets, measured with cdist: every anchor against every positive and negative.

expect: CD205
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class TripletLoss(nn.Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, anchor, positive, negative):
        """Distances of each anchor to its positive and its negative."""
        d_pos = torch.cdist(anchor, positive)  # fault # meets
        d_neg = torch.cdist(anchor, negative)  # fault # meets
        return torch.relu(d_pos - d_neg + self.margin).mean()


class FaceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU()
        )
        self.fc = nn.Linear(16 * 9, 20)

    def forward(self, x):
        return nn.functional.normalize(self.fc(self.features(x).flatten(1)), dim=1)


faces = torch.randn(15, 1, 12, 12)
net, criterion = FaceNet(), TripletLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        i = torch.randint(0, 15, (32,))
        j = (i + torch.randint(1, 15, (32,))) % 15
        a, p, n = (net(faces[k] + 0.5 * torch.randn(32, 1, 12, 12)) for k in (i, i, j))
        loss = criterion(a, p, n)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
