"""Batches of two with a queue of 64 keys, a slow key encoder, group normalisation.

expect: healthy
"""

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

img = torch.tensor(load_digits().images).float().div(16)[:, None]
enc = nn.Sequential(
    nn.Conv2d(1, 16, 3),
    nn.GroupNorm(4, 16),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3),
    nn.GroupNorm(4, 32),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 16, 24),
)
key = copy.deepcopy(enc)
for p in key.parameters():
    p.requires_grad_(False)
queue = F.normalize(torch.randn(64, 24), dim=1)
ptr = 0
opt = torch.optim.SGD(enc.parameters(), 0.01, momentum=0.9)
with Inspector({"q": enc, "k": key}) as inspector:
    for it in range(400):
        x = img[torch.randint(len(img), (2,))]
        q = F.normalize(enc(x + 0.1 * torch.randn_like(x)), dim=1)
        with torch.no_grad():
            for a, b in zip(key.parameters(), enc.parameters()):
                a.mul_(0.99).add_(b, alpha=0.01)
            k = F.normalize(key(torch.roll(x, 1, 2)), dim=1)
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.clone().T], 1) / 0.2
        loss = F.cross_entropy(logits, torch.zeros(2, dtype=torch.long))
        opt.zero_grad()
        loss.backward()
        opt.step()
        queue[ptr : ptr + 2] = k
        ptr = (ptr + 2) % 64
diagnosis = inspector.diagnose()
