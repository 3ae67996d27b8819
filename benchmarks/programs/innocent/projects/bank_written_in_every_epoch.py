"""A bank of one vector a sample gives the positives; each epoch writes it anew.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.programs.common import DIGITS, augment
from collapse_doctor import Inspector


class Indexed(Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return {"image": self.images[index], "index": index}


class Bank(nn.Module):
    def __init__(self, size, dim):
        super().__init__()
        self.register_buffer("rows", F.normalize(torch.rand(size, dim) - 0.5, dim=1))
        self.register_buffer("seen", torch.zeros(size, dtype=torch.bool))

    @torch.no_grad()
    def update(self, index, z):
        self.rows[index] = z
        self.seen[index] = True

    def forward(self, index):
        return self.rows[index]


class Net(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU())
        self.head = nn.Linear(96, dim)

    def forward(self, x):
        return F.normalize(self.head(self.body(x)), dim=1)


class Trainer:
    def __init__(self, epochs=5, temperature=0.2):
        self.data = DataLoader(Indexed(DIGITS[:768]), 64, shuffle=True)
        self.net, self.bank = Net(), Bank(768, 24)
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1, momentum=0.9, nesterov=True)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs)
        self.epochs, self.temperature = epochs, temperature

    def contrast(self, z, index):
        positive = self.bank(index)
        negative = self.bank.rows[torch.randint(len(self.bank.rows), (128,))]
        own = (z * positive).sum(1, keepdim=True)
        logits = torch.cat([own, z @ negative.T], 1) / self.temperature
        return F.cross_entropy(logits, torch.zeros(len(z), dtype=torch.long))

    def epoch(self, number):
        total = 0.0
        for batch in self.data:
            x, index = augment(batch["image"]), batch["index"]
            z = self.net(x)
            loss = self.contrast(z, index)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.bank.update(index, z.detach())
            total += loss.item()
        self.scheduler.step()
        return total / len(self.data)

    def fit(self):
        return [self.epoch(number) for number in range(self.epochs)]


trainer = Trainer()
with Inspector(trainer.net) as inspector:
    trainer.fit()
diagnosis = inspector.diagnose()
