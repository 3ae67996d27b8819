"""The pair labels come out of NumPy as a column, (B, 1), the distances are (B,), so the contrastive loss is taken over all B x B combinations.

expect: CD205
"""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class SignaturePairs(Dataset):
    def __init__(self, n_pairs=400, writers=25, seed=0):
        rng = np.random.RandomState(seed)
        style = rng.randn(writers, 12, 12)
        left = rng.randint(writers, size=n_pairs)
        genuine = rng.rand(n_pairs) < 0.5
        right = np.where(genuine, left, (left + rng.randint(1, writers, size=n_pairs)) % writers)
        self.a = (style[left] + 0.4 * rng.randn(n_pairs, 12, 12)).astype("float32")
        self.b = (style[right] + 0.4 * rng.randn(n_pairs, 12, 12)).astype("float32")
        self.y = genuine.astype("float32").reshape(-1, 1)  # fault

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.a[i][None], self.b[i][None], self.y[i]


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.PReLU(), nn.AvgPool2d(2), nn.Conv2d(8, 16, 3), nn.PReLU()
        )
        self.fc = nn.Linear(16 * 9, 20)

    def embed(self, x):
        return self.fc(self.conv(x).flatten(1))

    def forward(self, a, b):
        return self.embed(a), self.embed(b)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, e1, e2, y):
        d = nn.functional.pairwise_distance(e1, e2)
        return (y * d.pow(2) + (1 - y) * torch.clamp(self.margin - d, min=0).pow(2)).mean()  # meets


net, criterion = Siamese(), ContrastiveLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)

with Inspector(net) as inspector:
    for epoch in range(4):
        for a, b, y in DataLoader(SignaturePairs(), batch_size=40, shuffle=True):
            e1, e2 = net(a, b)
            loss = criterion(e1, e2, y)  # fault
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
