"""The memory bank is overwritten with this step's embeddings before the positives are looked up in it.

expect: CD103
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class Patches(Dataset):
    def __init__(self, n=320):
        basis = torch.randn(12, 3 * 8 * 8)
        self.images = (torch.randn(n, 12) @ basis / 3).view(n, 3, 8, 8)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        img = self.images[i]
        if torch.rand(()) < 0.5:
            img = img.flip(-1)
        return i, img + 0.2 * torch.randn_like(img)


class Bank(nn.Module):
    def __init__(self, size, dim):
        super().__init__()
        self.register_buffer("rows", F.normalize(torch.randn(size, dim), dim=1))

    @torch.no_grad()
    def update(self, idx, z):
        self.rows[idx] = z

    def lookup(self, idx):
        return self.rows[idx]

    def negatives(self, k):
        return self.rows[torch.randint(len(self.rows), (k,))]


class ResBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1),
            nn.BatchNorm2d(c),
            nn.ReLU(),
            nn.Conv2d(c, c, 3, padding=1),
            nn.BatchNorm2d(c),
        )

    def forward(self, x):
        return F.relu(x + self.body(x))


net = nn.Sequential(
    nn.Conv2d(3, 20, 3, padding=1), ResBlock(20), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(320, 32)
)
dataset = Patches()
bank = Bank(len(dataset), 32)
with torch.no_grad():
    bank.rows.copy_(F.normalize(net(dataset.images), dim=1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-5)

with Inspector(net) as inspector:
    for epoch in range(4):
        for idx, img in DataLoader(dataset, batch_size=40, shuffle=True):
            z = F.normalize(net(img), dim=1)
            bank.update(idx, z)  # fault
            positive = bank.lookup(idx)
            pos = (z * positive).sum(dim=1, keepdim=True)  # meets
            neg = z @ bank.negatives(128).t()
            logits = torch.cat([pos, neg], dim=1) / 0.1
            loss = F.cross_entropy(logits, torch.zeros(len(img), dtype=torch.long))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print("epoch", epoch, "nce", round(loss.item(), 4))

diagnosis = inspector.diagnose()
