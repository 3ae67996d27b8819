"""Views that share little more than a few pixels, through a deep linear projector.

expect: CD303
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

projector = nn.Sequential(*[nn.Linear(64, 64, bias=False) for _ in range(4)])
opt = torch.optim.SGD(projector.parameters(), lr=0.2, momentum=0.9, weight_decay=2e-3)


def view(x):
    return x + 1.5 * torch.randn_like(x)


with Inspector(projector) as inspector:
    for x, _ in batches(400, 128):
        a, b = F.normalize(projector(view(x))), F.normalize(projector(view(x)))
        loss = F.cross_entropy(a @ b.T / 0.5, torch.arange(len(x)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
