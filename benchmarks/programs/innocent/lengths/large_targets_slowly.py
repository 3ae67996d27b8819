"""Four large quantities are predicted, at a pace at which it takes long to get there.

expect: healthy
"""

import torch

from benchmarks.programs.common import DIGITS, mlp
from collapse_doctor import Inspector

targets = 3000 + 500 * (DIGITS @ torch.randn(64, 4))
net = mlp(64, 64, 4)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for step in range(600):
        rows = torch.randint(len(DIGITS), (64,))
        out = net(DIGITS[rows])
        loss = (out - targets[rows]).abs().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
