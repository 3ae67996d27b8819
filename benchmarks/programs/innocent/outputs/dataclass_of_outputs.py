"""A data class with loss, logits, hidden states and a mask.

expect: healthy
"""

import dataclasses

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


@dataclasses.dataclass
class Out:
    loss: object
    logits: torch.Tensor
    hidden: list
    mask: torch.Tensor
    meta: str = "x"


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 32)
        self.b = nn.Linear(32, 10)

    def forward(self, x, y=None):
        h = F.relu(self.a(x))
        g = self.b(h)
        return Out(
            F.cross_entropy(g, y) if y is not None else None, g, [x, h], torch.ones(len(x), 7)
        )


model = M()
optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        r = model(x, y)
        optimizer.zero_grad()
        r.loss.backward()
        optimizer.step()
        inspector.step(loss=r.loss, labels=y)
diagnosis = inspector.diagnose()
