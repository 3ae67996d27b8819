"""Autocast makes low-precision copies of everything and the logits are cast back to float; image and text are still two things.

expect: healthy
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class ImageTower(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.patch = nn.Conv2d(3, 40, 4, stride=4)
        self.mix = nn.Sequential(nn.Linear(40, 80), nn.GELU(), nn.Linear(80, 40))
        self.out = nn.Linear(40 * 9, dim)

    def forward(self, image):
        tokens = self.patch(image).flatten(2).mT
        return self.out((tokens + self.mix(tokens)).flatten(1))


class TextTower(nn.Module):
    def __init__(self, dim, vocab=90):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab, 64, mode="mean")
        self.out = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, dim))

    def forward(self, ids):
        return self.out(self.bag(ids))


def captioned(n, objects):
    present = torch.stack([torch.randperm(30)[:3] for _ in range(n)])
    image = objects[present].sum(1) + 0.2 * torch.randn(n, 3, 12, 12)
    synonym = torch.randint(0, 3, present.shape)
    return image, present * 3 + synonym


towers = {"image": ImageTower(32), "text": TextTower(32)}
scale = nn.Parameter(torch.tensor(math.log(8.0)))
params = [p for t in towers.values() for p in t.parameters()] + [scale]
optimizer = torch.optim.AdamW(params, lr=2e-3, weight_decay=0.05)
objects = torch.randn(30, 3, 12, 12)

with Inspector(towers) as inspector:
    for step in range(60):
        image, ids = captioned(56, objects)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            i, t = towers["image"](image), towers["text"](ids)
        i, t = F.normalize(i.float(), dim=-1), F.normalize(t.float(), dim=-1)
        logits = scale.exp() * i @ t.T
        gold = torch.arange(len(i))
        loss = (F.cross_entropy(logits, gold) + F.cross_entropy(logits.T, gold)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 15 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
