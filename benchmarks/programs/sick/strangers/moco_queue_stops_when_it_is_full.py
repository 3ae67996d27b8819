"""The queue's pointer never wraps round: once the queue is full nothing is enqueued and the negatives stay as they are.

expect: CD106
first: 16
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class MoCo(nn.Module):
    def __init__(self, encoder, dim, queue_size=512, momentum=0.95, temperature=0.2):
        super().__init__()
        self.encoder_q = encoder
        self.encoder_k = copy.deepcopy(encoder)
        self.encoder_k.requires_grad_(False)
        self.m, self.t, self.size = momentum, temperature, queue_size
        self.register_buffer("queue", F.normalize(torch.randn(queue_size, dim), dim=1))
        self.register_buffer("ptr", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def move_key_encoder(self):
        for k, q in zip(self.encoder_k.parameters(), self.encoder_q.parameters()):
            k.mul_(self.m).add_(q, alpha=1 - self.m)

    @torch.no_grad()
    def enqueue(self, keys):
        start, stop = int(self.ptr), int(self.ptr) + len(keys)
        if stop <= self.size:  # fault
            self.queue[start:stop] = keys
            self.ptr += len(keys)

    def forward(self, view_q, view_k):
        q = F.normalize(self.encoder_q(view_q), dim=1)
        with torch.no_grad():
            self.move_key_encoder()
            k = F.normalize(self.encoder_k(view_k), dim=1)
        positive = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
        negative = torch.einsum("nc,kc->nk", q, self.queue.clone())  # meets
        self.enqueue(k)
        logits = torch.cat([positive, negative], dim=1) / self.t
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


def textures(n):
    grid = torch.linspace(0, 6.2832, 12)
    fx, fy, ph = (torch.rand(n, 1, 1) * s for s in (3.0, 3.0, 6.28))
    return torch.sin(fx * grid[None, :, None] + fy * grid[None, None, :] + ph).unsqueeze(1)


def view(x):
    x = torch.roll(x, tuple(torch.randint(-2, 3, (2,)).tolist()), (2, 3))
    return x * (0.8 + 0.4 * torch.rand(len(x), 1, 1, 1)) + 0.15 * torch.randn_like(x)


backbone = nn.Sequential(
    nn.Conv2d(1, 16, 3, stride=2),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(288, 36),
)
moco = MoCo(backbone, 36)
optimizer = torch.optim.AdamW(moco.encoder_q.parameters(), lr=1e-3, weight_decay=1e-4)
with Inspector(moco.encoder_q) as inspector:
    for step in range(70):
        images = textures(32)
        loss = moco(view(images), view(images))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 14 == 0:
            print(step, "queue at", int(moco.ptr), "loss", round(loss.item(), 3))
diagnosis = inspector.diagnose()
