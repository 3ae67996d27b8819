"""Thirty graph convolutions with symmetric normalisation, for the classes of the nodes.

expect: CD311
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS
from collapse_doctor import Inspector

n = 150
adjacency = (torch.cdist(DIGITS[:n], DIGITS[:n]) < 2.2).float().fill_diagonal_(1.0)
degree = adjacency.sum(1).rsqrt()
propagate = degree[:, None] * adjacency * degree


class GCN(nn.Module):
    def __init__(self, rounds):
        super().__init__()
        self.convs = nn.ModuleList(nn.Linear(64, 64, bias=False) for _ in range(rounds))
        self.classify = nn.Linear(64, 10)

    def forward(self, h):
        for conv in self.convs:  # fault
            h = torch.relu(conv(propagate @ h))
        return self.classify(h)


gcn = GCN(30)
optimizer = torch.optim.Adam(gcn.parameters(), lr=1e-3)
with Inspector(gcn) as inspector:
    for epoch in range(240):
        loss = F.cross_entropy(gcn(DIGITS[:n]), LABELS[:n])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
