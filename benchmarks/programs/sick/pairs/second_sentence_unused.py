"""A siamese network of two sentences embeds the first one twice.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Sentences(nn.Module):
    def __init__(self, words=60, width=24):
        super().__init__()
        self.table = nn.EmbeddingBag(words, 32)
        self.project = nn.Linear(32, width)

    def embed(self, ids):
        return self.project(torch.tanh(self.table(ids)))

    def forward(self, first, second):
        u = self.embed(first)
        v = self.embed(first)  # fault
        return u, v


net = Sentences()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        first = torch.randint(0, 60, (40, 9))
        second = first.clone()
        second[:, ::3] = torch.randint(0, 60, (40, 3))
        u, v = net(first, second)
        near = F.pairwise_distance(u, v)  # meets
        far = F.relu(1 - F.pairwise_distance(u, v.roll(1, 0)))
        loss = (near + far).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
