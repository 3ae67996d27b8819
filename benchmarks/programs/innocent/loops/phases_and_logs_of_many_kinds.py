"""Phases, outputs that are logged now and then, and sequences of any length: nothing is wrong.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

cell, head = nn.GRUCell(6, 24), nn.Linear(24, 12)
model = nn.ModuleDict({"cell": cell, "head": head})


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = model

    def forward(self, sequence):
        state = sequence.new_zeros(len(sequence), 24)
        for now in sequence.unbind(1):
            state = self.parts["cell"](now, state)
        return self.parts["head"](state)


reader, kept = Reader(), []
optimizer = torch.optim.Adam(reader.parameters(), lr=2e-3)
kinds = torch.randn(8, 6)
with Inspector(reader) as inspector:
    for step in range(90):
        length = int(torch.randint(3, 9, ())) if step > 30 else 6
        y = torch.randint(0, 8, (40,))
        noise = torch.randn(2, 40, length, 6)
        a, b = reader(kinds[y][:, None] + noise[0]), reader(kinds[y][:, None] + noise[1])
        if step % 11 == 0:
            kept = [*kept[-3:], a.detach()]
        a, b = F.normalize(a), F.normalize(b)
        loss = (a - b).square().sum(1).mean() + torch.pdist(a).square().mul(-2).exp().mean().log()
        if step > 45:
            loss = loss + 0.1 * torch.pdist(b).square().mul(-2).exp().mean().log()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
