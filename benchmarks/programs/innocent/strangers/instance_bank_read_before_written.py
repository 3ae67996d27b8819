"""An instance memory bank gives detached vectors of the last epoch as positives and is refreshed right after the step.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class Indexed(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return i, self.rows[i]


class InstanceBank:
    def __init__(self, encoder, rows, momentum=0.5):
        with torch.no_grad():
            self.memory = F.normalize(encoder(rows), dim=1)
        self.momentum = momentum

    def logits(self, z, index, negatives=200):
        positive = torch.einsum("bd,bd->b", z, self.memory[index])
        others = self.memory[torch.randint(0, len(self.memory), (negatives,))]
        return torch.cat([positive[:, None], z @ others.T], dim=1) / 0.15

    @torch.no_grad()
    def refresh(self, z, index):
        mixed = self.momentum * self.memory[index] + (1 - self.momentum) * z
        self.memory[index] = F.normalize(mixed, dim=1)


torch.manual_seed(13)
latent = torch.randn(360, 12)
rows = torch.relu(latent @ torch.randn(12, 80)) / 3
encoder = nn.Sequential(nn.Linear(80, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Linear(100, 28))
bank = InstanceBank(encoder, rows)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3, weight_decay=1e-5)

with Inspector(encoder) as inspector:
    for epoch in range(8):
        for index, x in DataLoader(Indexed(rows), batch_size=60, shuffle=True):
            z = F.normalize(encoder(x + 0.1 * torch.randn_like(x)), dim=1)
            loss = F.cross_entropy(bank.logits(z, index), torch.zeros(len(x), dtype=torch.long))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            bank.refresh(z, index)
        print(epoch, loss.item())
diagnosis = inspector.diagnose()
