"""SimSiam whose author dropped the detach on the projections: both sides chase each other and every scan gets the same answer.

expect: CD208
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def block(i, o):
    return nn.Sequential(
        nn.Conv3d(i, o, 3, stride=2, padding=1), nn.InstanceNorm3d(o, affine=True), nn.ReLU()
    )


class Siam3D(nn.Module):
    def __init__(self, dim=32, bottleneck=8):
        super().__init__()
        self.backbone = nn.Sequential(
            block(1, 8), block(8, 12), nn.Flatten(), nn.Linear(12 * 8, dim)
        )
        self.predictor = nn.Sequential(
            nn.Linear(dim, bottleneck), nn.ReLU(), nn.Linear(bottleneck, dim)
        )

    def forward(self, x):
        z = self.backbone(x)
        return z, self.predictor(z)


def negcos(p, z):
    return -F.cosine_similarity(p, z, dim=1).mean()  # meets


def loss_fn(out_a, out_b):
    z_a, p_a = out_a
    z_b, p_b = out_b
    return 0.5 * (negcos(p_a, z_b) + negcos(p_b, z_a))  # fault


def random_flip(vol):
    dims = [d for d in (2, 3, 4) if torch.rand(()) < 0.5]
    return torch.flip(vol, dims) + 0.3 * torch.randn_like(vol)


def scans(n):
    """Little volumes with a few Gaussian spots."""
    grid = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, 8)] * 3, indexing="ij"), -1)
    centre = torch.rand(n, 3, 1, 1, 1, 3) * 1.6 - 0.8
    return (-((grid - centre) ** 2).sum(-1) * 8).exp().sum(1, keepdim=True)


def main(steps=50):
    torch.manual_seed(44)
    model = Siam3D()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    with Inspector(model.backbone) as inspector:
        for _ in range(steps):
            x = scans(24)
            loss = loss_fn(model(random_flip(x)), model(random_flip(x)))
            opt.zero_grad()
            loss.backward()
            opt.step()
    return inspector.diagnose()


diagnosis = main()
