"""A momentum encoder from copy.copy: the outer object is new, the weights are the student's.

expect: CD108
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(32, 64)
        self.fc2 = nn.Linear(64, 16)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


query = Encoder()
key = copy.copy(query)  # fault
optimizer = torch.optim.SGD(query.parameters(), lr=0.05, momentum=0.9)
queue = F.normalize(torch.randn(256, 16), dim=1)
things = torch.randn(400, 32)

with Inspector({"query": query, "key": key}) as inspector:
    for step in range(40):
        x = things[torch.randint(0, 400, (32,))]
        q = F.normalize(query(x + 0.3 * torch.randn_like(x)), dim=1)
        with torch.no_grad():
            k = F.normalize(key(x + 0.3 * torch.randn_like(x)), dim=1)
        l_pos = torch.einsum("nc,nc->n", q, k)[:, None]
        l_neg = torch.einsum("nc,kc->nk", q, queue)
        loss = F.cross_entropy(
            torch.cat([l_pos, l_neg], 1) / 0.2, torch.zeros(32, dtype=torch.long)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for pk, pq in zip(key.parameters(), query.parameters(), strict=True):
                pk.copy_(0.99 * pk + 0.01 * pq)
        start = step * 32 % 256
        queue[start : start + 32] = k

diagnosis = inspector.diagnose()
