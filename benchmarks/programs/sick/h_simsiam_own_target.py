"""SimSiam-like: each view is pulled to its own stop-gradient instead of the other's.

expect: CD103
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16


def augment(x):
    shift = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(x, shift, (2, 3)) + 0.1 * torch.randn_like(x)


def neg_cos(p, z):
    return -F.cosine_similarity(p, z.detach(), dim=1).mean()  # meets # fault


encoder = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(16 * 16, 32),
    nn.BatchNorm1d(32),
)
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)

with Inspector(encoder) as inspector:
    for _ in range(20):
        x = images[torch.randint(0, len(images), (64,))]
        z1, z2 = encoder(augment(x)), encoder(augment(x))
        loss = neg_cos(z1, z1) / 2 + neg_cos(z2, z2) / 2  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
