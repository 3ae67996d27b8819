"""SimSiam as published: the loss has no negatives and one side is detached, and the predictor keeps it from collapsing.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


def D(p, z):
    """Negative cosine similarity."""
    z = z.detach()
    p = nn.functional.normalize(p, dim=1)
    z = nn.functional.normalize(z, dim=1)
    return -(p * z).sum(dim=1).mean()


class SimSiam(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 128, bias=False),
            nn.BatchNorm1d(128),
            nn.ReLU(inplace=True),
            nn.Linear(128, 128, bias=False),
            nn.BatchNorm1d(128),
            nn.ReLU(inplace=True),
            nn.Linear(128, 40, bias=False),
            nn.BatchNorm1d(40, affine=False),
        )
        self.predictor = nn.Sequential(
            nn.Linear(40, 20, bias=False),
            nn.BatchNorm1d(20),
            nn.ReLU(inplace=True),
            nn.Linear(20, 40),
        )

    def forward(self, x1, x2):
        z1, z2 = self.encoder(x1), self.encoder(x2)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        return D(p1, z2) / 2 + D(p2, z1) / 2


def loader(x, size, epochs):
    for _ in range(epochs):
        for rows in torch.randperm(len(x))[:1200].split(size):
            clean = x[rows]
            yield tuple(
                clean * (torch.rand_like(clean) > 0.15) + 0.2 * torch.randn_like(clean)
                for _ in range(2)
            )


torch.manual_seed(42)
data = torch.tensor(load_digits().data).float()
data = (data - data.mean(0)) / 6
model = SimSiam()
opt = torch.optim.SGD(
    [{"params": model.encoder.parameters()}, {"params": model.predictor.parameters(), "lr": 0.05}],
    lr=0.03,
    momentum=0.9,
    weight_decay=1e-4,
)

with Inspector(model.encoder) as inspector:
    for views in loader(data, 60, 3):
        loss = model(*views)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
