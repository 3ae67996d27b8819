"""A memory bank: the row is overwritten with the new vector before it is read as the positive.

expect: CD103
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class MemoryBank:
    def __init__(self, size, dim):
        self.rows = F.normalize(torch.randn(size, dim), dim=1)

    def write(self, index, vectors):
        self.rows[index] = vectors.detach()

    def read(self, index):
        return self.rows[index]


digits = torch.tensor(load_digits().data, dtype=torch.float32)[:512] / 16
encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
bank = MemoryBank(len(digits), 32)
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1, momentum=0.9)

with Inspector(encoder) as inspector:
    for epoch in range(3):
        for index in torch.randperm(len(digits)).split(64):
            x = digits[index] + 0.1 * torch.randn(len(index), 64)
            z = F.normalize(encoder(x), dim=1)
            bank.write(index, z)  # fault
            positive = bank.read(index)
            l_pos = (z * positive).sum(dim=1, keepdim=True)  # meets
            l_neg = z @ bank.rows[torch.randint(0, len(digits), (128,))].T
            loss = F.cross_entropy(torch.cat([l_pos, l_neg], 1) / 0.1, torch.zeros(len(z)).long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
