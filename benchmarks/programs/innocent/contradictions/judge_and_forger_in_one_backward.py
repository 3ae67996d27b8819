"""A judge sees each forgery twice, cut for its own loss and whole for the forger's, in one backward.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

forger, judge = mlp(16, 64, 64, last=nn.Sigmoid()), mlp(64, 64, 1)
forging = torch.optim.Adam(forger.parameters(), lr=1e-3)
judging = torch.optim.Adam(judge.parameters(), lr=1e-3)
with Inspector(judge) as inspector:
    for x, _ in batches(40):
        forged = forger(torch.randn(len(x), 16))
        caught = F.softplus(judge(forged.detach())) + F.softplus(-judge(x))
        passed = F.softplus(-judge(forged))
        forging.zero_grad()
        judging.zero_grad()
        (caught.mean() + passed.mean()).backward()
        forging.step()
        judging.step()
diagnosis = inspector.diagnose()
