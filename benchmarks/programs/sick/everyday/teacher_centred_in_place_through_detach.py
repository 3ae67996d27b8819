"""From the second epoch on the target is centred with in-place operations on a detach, which writes into the embedding.

expect: CD109
first: 20
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector

torch.set_num_threads(1)


def make_patches(n=800, size=10):
    base = torch.randn(n, 2, 4, 4)
    return F.interpolate(base, size=(size, size), mode="bilinear", align_corners=False)


def distort(x):
    gain = 1 + 0.3 * torch.randn(len(x), 2, 1, 1)
    return x * gain + 0.3 * torch.randn_like(x)


class PatchNet(nn.Module):
    def __init__(self, d=36):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(2, 16, 3),
            nn.BatchNorm2d(16),
            nn.SiLU(),
            nn.Conv2d(16, 32, 3, stride=2),
            nn.BatchNorm2d(32),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(32 * 9, d),
        )
        self.pred = nn.Sequential(nn.Linear(d, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, d))

    def forward(self, x):
        return self.net(x)


def whiten_target(z):
    t = z.detach()  # fault
    t -= t.mean(dim=0)  # fault
    t /= t.std(dim=0) + 1e-5  # fault
    return t


def spread(z):
    std = (z.var(0) + 1e-4).sqrt()
    return F.relu(1.0 - std).mean()


loader = DataLoader(TensorDataset(make_patches()), batch_size=40, shuffle=True)
model = PatchNet()
opt = torch.optim.Adam(model.parameters(), lr=1.2e-3)

with Inspector(model) as inspector:
    for epoch in range(3):
        running = 0.0
        for (x,) in loader:
            z1, z2 = model(distort(x)), model(distort(x))
            if epoch == 0:  # plain targets until the statistics have settled
                t1, t2 = z1.detach(), z2.detach()
            else:
                t1, t2 = whiten_target(z1), whiten_target(z2)
            p1, p2 = model.pred(z1), model.pred(z2)
            pull = F.mse_loss(p1, t2) + F.mse_loss(p2, t1)  # meets
            loss = pull + spread(z1) + spread(z2)
            opt.zero_grad()
            loss.backward()
            opt.step()
            running += loss.item()
        print(f"epoch {epoch}  {running / len(loader):.4f}")
diagnosis = inspector.diagnose()
