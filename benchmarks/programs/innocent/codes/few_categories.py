"""Six categories have six vectors: the inputs are of as few kinds.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

days, out = nn.Embedding(6, 12), nn.Linear(12, 1)
opt = torch.optim.SGD([*days.parameters(), *out.parameters()], lr=0.05)
with Inspector(days) as inspector:
    for _ in range(40):
        day = torch.randint(0, 6, (90,))
        target = day.float()[:, None].sin() + 0.1 * torch.randn(90, 1)
        loss = nn.functional.mse_loss(out(days(day)), target)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
