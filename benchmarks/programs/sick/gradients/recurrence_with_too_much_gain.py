"""A ReLU recurrence over forty steps is drawn orthogonal with gain 1.8: the gradient explodes.

expect: CD204
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Reader(nn.Module):
    def __init__(self, words=60, dim=20):
        super().__init__()
        self.words = nn.Embedding(words, dim)
        self.read = nn.RNN(dim, dim, nonlinearity="relu", batch_first=True)
        nn.init.orthogonal_(self.read.weight_hh_l0, gain=1.8)  # fault
        self.out = nn.Linear(dim, 12)

    def forward(self, ids):
        states, last = self.read(self.words(ids))
        return self.out(last[0])


reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=1e-6)

with Inspector(reader) as inspector:
    for step in range(30):
        topic = torch.randint(0, 6, (32,))
        first, second = (topic[:, None] * 10 + torch.randint(0, 10, (32, 40)) for _ in range(2))
        a, b = reader(first), reader(second)
        near, far = (a - b).norm(dim=1), (a - b.roll(1, 0)).norm(dim=1)  # meets
        loss = F.relu(near - far + 1.0).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
