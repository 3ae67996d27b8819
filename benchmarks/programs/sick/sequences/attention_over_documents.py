"""Attention pooling whose weights are normalised over the batch and not over the words.

expect: CD206
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class AttentionPool(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(80, 32)
        self.score = nn.Linear(32, 1)
        self.out = nn.Linear(32, 16)

    def forward(self, ids):
        x = self.emb(ids)
        w = torch.softmax(self.score(x).squeeze(-1), dim=0)  # fault
        return self.out((w[..., None] * x).sum(1))


net = AttentionPool()
opt = torch.optim.Adam(net.parameters(), 1e-2)
with Inspector(net) as inspector:
    for step in range(60):
        topic = torch.randint(0, 4, (40,))
        ids = topic[:, None] * 20 + torch.randint(0, 20, (40, 11))
        z = net(ids)
        sim = F.normalize(z) @ F.normalize(z).T
        same = topic[:, None] == topic[None]
        loss = ((sim - same.float()) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
