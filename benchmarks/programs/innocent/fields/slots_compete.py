"""Slot attention: shares are taken over the slots, and normalised over the inputs once more.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Slots(nn.Module):
    def __init__(self, width=16, slots=4):
        super().__init__()
        self.patch, self.slots = nn.Linear(8, width), nn.Parameter(torch.randn(slots, width))
        self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x):
        patches = self.patch(x.view(len(x), 8, 8)).relu()
        scores = torch.einsum("sd,btd->sbt", self.slots, self.key(patches))
        shares = scores.softmax(dim=0)  # slots compete for each patch
        shares = shares / shares.sum(-1, keepdim=True)
        slots = torch.einsum("sbt,btd->bsd", shares, self.value(patches))
        return self.out(slots).flatten(1)


net, head = Slots(), nn.Linear(64, 10)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=2e-3)
with Inspector(net) as inspector:
    for x, y in batches(60):
        loss = F.cross_entropy(head(net(augment(x))), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
