"""The queue of negatives is filled until it is full and then never written again.

expect: CD106
first: 20
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class MoCo(nn.Module):
    def __init__(self, base, dim, K=640, m=0.98, T=0.2):
        super().__init__()
        self.K, self.m, self.T = K, m, T
        self.encoder_q = base
        self.encoder_k = copy.deepcopy(base)
        for p in self.encoder_k.parameters():
            p.requires_grad = False
        self.register_buffer("queue", F.normalize(torch.randn(K, dim), dim=1))
        self.ptr = 0

    @torch.no_grad()
    def momentum_update(self):
        for q, k in zip(self.encoder_q.parameters(), self.encoder_k.parameters()):
            k.mul_(self.m).add_(q, alpha=1 - self.m)

    @torch.no_grad()
    def enqueue(self, keys):
        if self.ptr + len(keys) <= self.K:  # fault
            self.queue[self.ptr : self.ptr + len(keys)] = keys
            self.ptr += len(keys)

    def forward(self, im_q, im_k):
        q = F.normalize(self.encoder_q(im_q), dim=1)
        with torch.no_grad():
            self.momentum_update()
            k = F.normalize(self.encoder_k(im_k), dim=1)
        l_pos = (q * k).sum(1, keepdim=True)
        l_neg = q @ self.queue.clone().T  # meets
        logits = torch.cat([l_pos, l_neg], 1) / self.T
        self.enqueue(k)
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


prototypes = torch.rand(60, 1, 12, 12)


def two_crops(n=32):
    x = prototypes[torch.randint(60, (n,))]
    x = x + 0.2 * torch.randn(n, 1, 12, 12)
    return [
        x.roll((int(torch.randint(3, ())), int(torch.randint(3, ()))), (2, 3))
        + 0.1 * torch.randn_like(x)
        for _ in range(2)
    ]


backbone = nn.Sequential(
    nn.Conv2d(1, 16, 3),
    nn.ReLU(),
    nn.Conv2d(16, 24, 3, stride=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(24 * 4 * 4, 64),
    nn.ReLU(),
    nn.Linear(64, 28),
)
model = MoCo(backbone, 28)
opt = torch.optim.SGD(model.encoder_q.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

with Inspector(model) as inspector:
    for step in range(64):
        loss = model(*two_crops())
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 16 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
