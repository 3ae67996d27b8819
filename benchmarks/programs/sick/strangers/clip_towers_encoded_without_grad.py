"""The encode helper of the retrieval demo carries no_grad and is used for training too, so only the logit scale learns.

expect: CD201
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

torch.manual_seed(11)


class ImageTower(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, stride=2, padding=1)
        self.body = nn.Conv2d(12, 24, 3, stride=2, padding=1)
        self.proj = nn.Linear(24 * 16, width)

    def forward(self, x):
        x = F.gelu(self.stem(x))
        x = F.gelu(self.body(x))
        return self.proj(x.flatten(1))


class TextTower(nn.Module):
    def __init__(self, vocab=120, width=48):
        super().__init__()
        self.tok = nn.Embedding(vocab, 32, padding_idx=0)
        self.proj = nn.Linear(32, width)

    def forward(self, ids):
        mask = (ids != 0).unsqueeze(-1)
        h = (self.tok(ids) * mask).sum(1) / mask.sum(1).clamp(min=1)
        return self.proj(h)


class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = ImageTower()
        self.text = TextTower()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    @torch.no_grad()  # fault
    def encode(self, images, ids):
        img = F.normalize(self.image(images), dim=-1)
        txt = F.normalize(self.text(ids), dim=-1)
        return img, txt


def make_batch(n=32):
    topic = torch.randint(0, 20, (n,))
    g = torch.Generator().manual_seed(5)
    canvas = torch.randn(20, 3, 16, 16, generator=g)
    images = canvas[topic] + 0.6 * torch.randn(n, 3, 16, 16)
    ids = 1 + topic.unsqueeze(1) * 5 + torch.randint(0, 5, (n, 9))
    ids[:, 6:] *= (torch.rand(n, 3) > 0.5).long()
    return images, ids


model = Clip()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.0)

with Inspector({"image": model.image, "text": model.text}) as inspector:
    for step in range(40):
        images, ids = make_batch()
        img, txt = model.encode(images, ids)
        logits = model.logit_scale.exp() * img @ txt.t()
        labels = torch.arange(len(images))
        loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels)) / 2  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
