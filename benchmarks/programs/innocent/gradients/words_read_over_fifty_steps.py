"""LSTM and ReLU recurrence, drawn as identity and orthogonal, over fifty steps: both learn.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Reader(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.words = nn.Embedding(60, dim)
        self.read = nn.RNN(dim, dim, nonlinearity="relu", batch_first=True)
        nn.init.eye_(self.read.weight_hh_l0)
        self.gated = nn.LSTM(dim, dim, batch_first=True)
        self.out = nn.Linear(2 * dim, 16)

    def forward(self, ids):
        h = self.words(ids)
        both = [self.read(h)[0].mean(1), self.gated(h)[0].mean(1)]
        return self.out(torch.cat(both, dim=1))


reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=2e-3)
with Inspector(reader) as inspector:
    for step in range(60):
        topic = torch.randint(0, 6, (32,))
        first, second = (topic[:, None] * 10 + torch.randint(0, 10, (32, 50)) for _ in range(2))
        a, b = F.normalize(reader(first), dim=1), F.normalize(reader(second), dim=1)
        same = (topic[:, None] == topic[None]).float()
        loss = F.cross_entropy(a @ b.T / 0.2, same / same.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
diagnosis = inspector.diagnose()
