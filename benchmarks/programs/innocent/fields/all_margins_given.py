"""Ranking by all pairs: margins that a data set gives for every two rows, and scores of every two.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

net = nn.Sequential(mlp(64, 64, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, y in batches(60):
        grade = y.float().unsqueeze(1)
        wanted = grade - grade.squeeze(1)
        score = net(x).squeeze(1)
        loss = F.huber_loss(score[:, None] - score[None, :], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
