"""Every pair that is drawn is a match, so the binary cross-entropy only ever asks for higher cosines.

expect: CD208
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(8)
net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
people = torch.randn(60, 20)
with Inspector(net) as inspector:
    for _ in range(60):
        who = torch.randint(60, (40,))
        one, two = (net(people[who] + 0.5 * torch.randn(40, 20)) for _ in range(2))
        score = 8 * F.cosine_similarity(one, two)
        is_match = torch.ones(40)  # fault
        loss = F.binary_cross_entropy_with_logits(score, is_match)  # meets  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
