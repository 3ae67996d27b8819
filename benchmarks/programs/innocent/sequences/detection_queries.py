"""DETR: six learnt queries ask an image where its dots are; Hungarian matching.

expect: healthy
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def scenes(n):
    images = 0.1 * torch.randn(n, 10, 10)
    dots = [torch.randint(0, 10, (int(torch.randint(1, 4, ())), 2)) for _ in range(n)]
    for image, where in zip(images, dots, strict=True):
        image[where[:, 0], where[:, 1]] += 2
    return images, [(w.float() + 0.5) / 10 for w in dots]


class DETR(nn.Module):
    def __init__(self, d=32, queries=6):
        super().__init__()
        self.inp = nn.Linear(10, d)
        self.pos = nn.Parameter(torch.randn(1, 10, d) * 0.1)
        self.query = nn.Embedding(queries, d)
        self.transformer = nn.Transformer(d, 4, 1, 2, 64, 0.0, batch_first=True)
        self.cls, self.box = nn.Linear(d, 1), nn.Linear(d, 2)

    def forward(self, x):
        q = self.query.weight.expand(len(x), -1, -1)
        h = self.transformer(self.inp(x) + self.pos, q)
        return self.cls(h).squeeze(-1), self.box(h).sigmoid()


model = DETR()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for _ in range(120):
        images, dots = scenes(24)
        logit, box = model(images)
        target, l1 = torch.zeros_like(logit), 0.0
        for b, where in enumerate(dots):
            cost = torch.cdist(box[b], where, p=1) - logit[b].sigmoid()[:, None]
            i, j = linear_sum_assignment(cost.detach().numpy())
            target[b, i] = 1.0
            l1 = l1 + (box[b, i] - where[j]).abs().sum() / 24
        loss = F.binary_cross_entropy_with_logits(logit, target) + l1
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
