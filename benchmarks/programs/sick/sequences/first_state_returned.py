"""The encoder returns the state it began with, and not the one the recurrence ended in.

expect: CD402
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Seq(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(40, 16)
        self.cell = nn.GRUCell(16, 24)

    def forward(self, ids):
        h0 = torch.zeros(len(ids), 24)
        h = h0
        for t in range(ids.shape[1]):
            h = self.cell(self.emb(ids[:, t]), h)
        return h0  # fault


net, score = Seq(), nn.Bilinear(24, 24, 1)
opt = torch.optim.Adam([*net.parameters(), *score.parameters()], 1e-3)
with Inspector(net) as inspector:
    for step in range(60):
        a, b = torch.randint(40, (2, 32, 8))
        match = (a[:, 0] == b[:, 0]).float()
        loss = F.binary_cross_entropy_with_logits(score(net(a), net(b)).squeeze(1), match)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
