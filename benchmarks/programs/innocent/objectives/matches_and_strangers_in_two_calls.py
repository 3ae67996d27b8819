"""Binary cross-entropy on matches with ones in one call, on strangers with zeros in another.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(8)
net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
people = torch.randn(60, 20)
binary = nn.BCEWithLogitsLoss()
with Inspector(net) as inspector:
    for _ in range(60):
        who = torch.randperm(60)[:40]
        one, two = (net(people[who] + 0.5 * torch.randn(40, 20)) for _ in range(2))
        same = 8 * F.cosine_similarity(one, two)
        others = 8 * F.cosine_similarity(one, two.roll(1, 0))
        loss = binary(same, torch.ones(40)) + binary(others, torch.zeros(40))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
