"""The last layer of a bfloat16 model begins with a large bias, where steps are wide.

expect: CD403
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, mlp
from collapse_doctor import Inspector

X = (DIGITS - DIGITS.mean(0)).bfloat16()
encoder = mlp(64, 128, 32, act=nn.Tanh).bfloat16()
with torch.no_grad():
    encoder[-1].bias += 12.0  # fault
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.3)
with Inspector(encoder) as inspector:
    for _ in range(30):
        x = X[torch.randint(0, len(X), (64,))]
        a, b = encoder(x), encoder(x + 0.1 * torch.randn_like(x))
        loss = F.cross_entropy((a @ b.T).float() / 1e3, torch.arange(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
