"""Hard gates choose one of four experts, and the vector that belongs to it.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, batches
from collapse_doctor import Inspector


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(64, 4)
        self.keys = nn.Parameter(torch.randn(4, 32))

    def forward(self, x):
        gates = F.gumbel_softmax(self.score(x), tau=1.0, hard=True)
        return gates @ self.keys


gate, classify = Gate(), nn.Linear(32 + 64, 10)
optimizer = torch.optim.Adam([*gate.parameters(), *classify.parameters()], lr=3e-3)
with Inspector(gate) as inspector:
    for x, y in batches(320, 64, DIGITS, LABELS):
        loss = F.cross_entropy(classify(torch.cat([gate(x), x], dim=1)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
