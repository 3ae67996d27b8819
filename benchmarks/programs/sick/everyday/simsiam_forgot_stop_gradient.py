"""SimSiam written down without the stop-gradient on the target side.

expect: CD208
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


class SimSiam(nn.Module):
    def __init__(self, dim=64, pred_dim=16):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(128, dim, bias=False),
            nn.BatchNorm1d(dim),
            nn.ReLU(),
            nn.Linear(dim, dim),
        )
        self.predictor = nn.Sequential(
            nn.Linear(dim, pred_dim, bias=False),
            nn.BatchNorm1d(pred_dim),
            nn.ReLU(),
            nn.Linear(pred_dim, dim),
        )

    def forward(self, x1, x2):
        z1, z2 = self.encoder(x1), self.encoder(x2)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        return p1, p2, z1, z2  # fault


def D(p, z):
    return -F.cosine_similarity(p, z, dim=-1).mean()  # fault # meets


def crop_and_noise(x):
    i, j = torch.randint(0, 3, (2,)).tolist()
    x = F.pad(x, (1, 1, 1, 1))[..., i : i + 8, j : j + 8]
    return x + 0.15 * torch.randn_like(x)


images = torch.tensor(load_digits().images / 16.0, dtype=torch.float32)[:, None]
model = SimSiam()
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)

with Inspector(model) as inspector:
    for step in range(60):
        x = images[torch.randint(len(images), (72,))]
        p1, p2, z1, z2 = model(crop_and_noise(x), crop_and_noise(x))
        loss = D(p1, z2) / 2 + D(p2, z1) / 2  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 15 == 0:
            std = F.normalize(z1.detach(), dim=1).std(0).mean().item()
            print(
                f"step {step} loss {loss.item():.4f} std {std:.4f} (healthy about {64**-0.5:.3f})"
            )
diagnosis = inspector.diagnose()
