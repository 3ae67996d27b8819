"""BPR with both embedding tables initialised with zeros: the score is 0, the gradient too.

expect: CD402, CD207
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class MF(nn.Module):
    def __init__(self, users, items, k=16):
        super().__init__()
        self.users, self.items = nn.Embedding(users, k), nn.Embedding(items, k)
        nn.init.zeros_(self.users.weight)  # fault
        nn.init.zeros_(self.items.weight)  # fault

    def forward(self, u, i):
        return (self.users(u) * self.items(i)).sum(dim=1)


mf = MF(60, 120)
optimizer = torch.optim.SGD(mf.parameters(), lr=0.5)
group = torch.randint(0, 4, (60,))

with Inspector({"users": mf.users, "items": mf.items}) as inspector:
    for _ in range(60):
        u = torch.randint(0, 60, (64,))
        pos = group[u] * 30 + torch.randint(0, 30, (64,))
        neg = torch.randint(0, 120, (64,))
        loss = -F.logsigmoid(mf(u, pos) - mf(u, neg)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
