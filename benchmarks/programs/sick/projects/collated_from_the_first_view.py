"""A SimCLR project with bfloat16 and accumulation: its `collate_fn` stacks the first view twice.

expect: CD107
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, random_split

from benchmarks.programs.common import DIGITS, LABELS
from collapse_doctor import Inspector


@dataclass
class Config:
    epochs: int = 2
    batch_size: int = 64
    accumulate: int = 2
    lr: float = 2e-3
    warmup: int = 5
    temperature: float = 0.2
    dim: int = 32


class TwoViews(Dataset):
    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def augment(self, image):
        image = torch.roll(image.view(8, 8), int(torch.randint(-1, 2, ())), dims=1)
        return image * (torch.rand_like(image) > 0.2) + 0.05 * torch.randn_like(image)

    def __getitem__(self, index):
        image = self.images[index]
        return self.augment(image), self.augment(image), int(self.labels[index])


def collate(samples):
    first = torch.stack([sample[0] for sample in samples])
    second = torch.stack([sample[0] for sample in samples])  # fault
    return first, second, torch.tensor([sample[2] for sample in samples])


class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.projector = nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, dim))

    def forward(self, x):
        h = self.backbone(x.unsqueeze(1))
        return h, self.projector(h)


def nt_xent(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.T / temperature
    sim.fill_diagonal_(float("-inf"))
    n = len(z1)
    targets = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(sim, targets)


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        self.train_set, self.val_set = random_split(TwoViews(DIGITS, LABELS), [1280, 517])
        self.loader = DataLoader(
            self.train_set, cfg.batch_size, shuffle=True, drop_last=True, collate_fn=collate
        )
        self.model = Net(cfg.dim)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=cfg.lr, weight_decay=1e-4)
        total = cfg.epochs * len(self.loader) // cfg.accumulate
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: self.rate(step, total)
        )
        self.history = []

    def rate(self, step, total):
        if step < self.cfg.warmup:
            return (step + 1) / self.cfg.warmup
        return 0.5 * (1 + math.cos(math.pi * step / total))

    def train_epoch(self):
        self.model.train()
        running = 0.0
        for i, (x1, x2, _) in enumerate(self.loader):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                _, z1 = self.model(x1)
                _, z2 = self.model(x2)
            loss = nt_xent(z1.float(), z2.float(), self.cfg.temperature)  # shows
            (loss / self.cfg.accumulate).backward()
            running += loss.item()
            if (i + 1) % self.cfg.accumulate == 0:
                nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.optimizer.step()
                self.scheduler.step()
                self.optimizer.zero_grad(set_to_none=True)
        return running / len(self.loader)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        images = DIGITS[self.val_set.indices].view(-1, 8, 8)
        labels = LABELS[self.val_set.indices]
        h = F.normalize(self.model(images)[0], dim=1)
        similarity = (h @ h.T).fill_diagonal_(-1)
        return (labels[similarity.argmax(1)] == labels).float().mean().item()

    def fit(self):
        for epoch in range(self.cfg.epochs):
            self.history.append((epoch, self.train_epoch(), self.validate()))


trainer = Trainer(Config())
with Inspector(trainer.model) as inspector:
    trainer.fit()
diagnosis = inspector.diagnose()
