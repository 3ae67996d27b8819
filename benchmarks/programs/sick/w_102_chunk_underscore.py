"""The two halves of a chunk, unpacked in two lines that both keep the first.

expect: CD102
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def pairs(batch):
    first, _ = batch.chunk(2)
    second, _ = batch.chunk(2)  # fault
    return first, second


class Projector(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(d_in, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, d_out)
        )

    def forward(self, x):
        return self.net(x)


model = Projector(25, 16)
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
centers = torch.randn(40, 25)

with Inspector(model) as inspector:
    for _ in range(30):
        who = torch.randperm(40)
        x = torch.cat([centers[who], centers[who]]) + 0.3 * torch.randn(80, 25)
        out = model(x)
        a, b = pairs(out)
        similarity = F.cosine_similarity(a, b)  # meets
        loss = (1 - similarity).mean() + F.relu(1 - out.std(0)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
