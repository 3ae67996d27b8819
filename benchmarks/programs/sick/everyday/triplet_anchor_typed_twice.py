"""The anchor is passed twice to the triplet loss, so the positives never play a part.

expect: CD101
"""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


class EmbeddingNet(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            nn.ReLU(),
        )
        self.fc = nn.Linear(24 * 4 * 4, dim)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
labels = digits.target
rng = np.random.default_rng(3)
by_class = {c: np.where(labels == c)[0] for c in range(10)}


def sample_triplets(n):
    a, p, q = [], [], []
    for _ in range(n):
        c, d = rng.choice(10, 2, replace=False)
        i, j = rng.choice(by_class[c], 2, replace=False)
        a.append(i)
        p.append(j)
        q.append(rng.choice(by_class[d]))
    return images[a], images[p], images[q]


net = EmbeddingNet()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

with Inspector(net) as inspector:
    for it in range(45):
        anchor, positive, negative = sample_triplets(40)
        emb_a = net(anchor)
        emb_p = net(positive)
        emb_n = net(negative)
        loss = F.triplet_margin_loss(emb_a, emb_a, emb_n, margin=1.0)  # fault # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if it % 15 == 0:
            print(f"iter {it:3d}  triplet {loss.item():.4f}")
diagnosis = inspector.diagnose()
