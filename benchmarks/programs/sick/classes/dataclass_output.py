"""The model returns a data class; the target is its own projection, detached.

expect: CD103
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


@dataclass
class Out:
    emb: torch.Tensor
    proj: torch.Tensor


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = Encoder()
        self.p = nn.Linear(32, 16)

    def forward(self, x):
        e = self.b(x)
        return Out(e, self.p(e))


model = M()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        o = model(x)
        tgt = o.proj.detach()  # fault
        loss = F.mse_loss(o.proj, tgt)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
