"""A memory bank that was filled in the first epoch, and whose update sits behind `if epoch == 0`.

expect: CD106
first: 5
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

users = torch.randn(100, 32)
tower = nn.Sequential(nn.Linear(32, 64), nn.Tanh(), nn.Linear(64, 16))
optimizer = torch.optim.Adagrad(tower.parameters(), lr=0.05)
bank = F.normalize(torch.randn(100, 16), dim=1)

with Inspector(tower) as inspector:
    for epoch in range(8):
        for ids in torch.arange(100).split(20):
            z = F.normalize(tower(users[ids] + 0.2 * torch.randn(20, 32)), dim=1)
            if epoch > 0:
                logits = z @ bank.T / 0.2
                near = 1 - F.cosine_similarity(z, bank[ids])  # meets
                loss = F.cross_entropy(logits, ids) + near.mean()
            else:
                logits = z @ z.T / 0.2
                loss = F.cross_entropy(logits, torch.arange(20))
                bank[ids] = z.detach()  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
