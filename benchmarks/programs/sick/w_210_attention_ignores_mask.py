"""The pooling honours the mask, the self-attention below it does not.

expect: CD210
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Pooler(nn.Module):
    def __init__(self, d_in=12, dim=24):
        super().__init__()
        self.inp = nn.Linear(d_in, dim)
        self.attention = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.out = nn.Linear(dim, 12)

    def forward(self, x, mask):
        h = self.inp(x)
        h = h + self.attention(h, h, h, need_weights=False)[0]  # fault
        h = torch.tanh(h) * mask.unsqueeze(-1)
        return self.out(h.sum(1) / mask.sum(1, keepdim=True))


def patients(n):
    visits = torch.randint(2, 12, (n, 1))
    mask = (torch.arange(12) < visits).float()
    kind = torch.randint(0, 6, (n,))
    x = (profiles[kind][:, None] + torch.randn(n, 12, 12)) * mask.unsqueeze(-1)
    return x, mask, kind


profiles = torch.randn(6, 12)
model, head = Pooler(), nn.Linear(12, 6)
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=2e-3)
x, mask, _ = patients(60)

with Inspector(model, probe={"x": x, "mask": mask}) as inspector:
    for _ in range(30):
        inputs, m, kind = patients(32)
        loss = F.cross_entropy(head(model(inputs, m)), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
