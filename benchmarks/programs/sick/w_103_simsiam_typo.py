"""SimSiam as a class; one z1 that should be z2, and the predictor left out of that term.

expect: CD103
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class SimSiam(nn.Module):
    def __init__(self, d_in=32, dim=24):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(d_in, 64), nn.BatchNorm1d(64), nn.ReLU(inplace=True), nn.Linear(64, dim)
        )
        self.predictor = nn.Sequential(nn.Linear(dim, 8), nn.ReLU(inplace=True), nn.Linear(8, dim))

    def forward(self, x1, x2):
        z1, z2 = self.encoder(x1), self.encoder(x2)
        return self.predictor(z1), self.predictor(z2), z1, z2


def neg_cos(p, z):
    return -F.cosine_similarity(p, z.detach(), dim=-1).mean()  # meets


model = SimSiam()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
mix = torch.randn(12, 32)

with Inspector(model) as inspector:
    for _ in range(40):
        x = torch.randn(64, 12) @ mix
        p1, p2, z1, z2 = model(x + 0.4 * torch.randn_like(x), x + 0.4 * torch.randn_like(x))
        loss = 0.5 * neg_cos(p1, z2) + 0.5 * neg_cos(z1, z1)  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()

diagnosis = inspector.diagnose()
