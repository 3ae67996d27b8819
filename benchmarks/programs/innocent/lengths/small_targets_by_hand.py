"""Three small quantities are predicted; the squared error is written by hand.

expect: healthy
"""

import torch

from benchmarks.programs.common import DIGITS, mlp
from collapse_doctor import Inspector

targets = 1e-3 * (DIGITS @ torch.randn(64, 3))
net = mlp(64, 64, 3)
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
with Inspector(net) as inspector:
    for step in range(500):
        rows = torch.randint(len(DIGITS), (64,))
        err = net(DIGITS[rows]) - targets[rows]
        loss = (err * err).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
