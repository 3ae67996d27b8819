"""Two views in one batch for speed; both slices take the first half.

expect: CD102
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16


class ConvEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3),
            nn.ReLU(),
        )
        self.fc = nn.Linear(16 * 2 * 2, 24)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


def shift(x):
    return torch.roll(
        x, shifts=(int(torch.randint(-1, 2, ())),), dims=(3,)
    ) + 0.1 * torch.randn_like(x)


model = ConvEncoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

with Inspector(model) as inspector:
    for _ in range(25):
        x = images[torch.randint(0, len(images), (32,))]
        n = len(x)
        z = model(torch.cat([shift(x), shift(x)]))
        z1, z2 = z[:n], z[:n]  # fault
        align = F.mse_loss(z1, z2)  # meets
        logits = F.normalize(z[:n], dim=1) @ F.normalize(z[n:], dim=1).T / 0.2
        loss = align + F.cross_entropy(logits, torch.arange(n))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
