"""A contrastive siamese net with a ReLU at its end, trained with a learning rate of 0.5.

expect: CD402, CD207
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(18, 32), nn.ReLU(), nn.Linear(32, 12), nn.ReLU())
optimizer = torch.optim.Adam(net.parameters(), lr=0.5)  # fault
centers = torch.randn(20, 18)

with Inspector(net) as inspector:
    for _ in range(50):
        c = torch.randint(0, 20, (40,))
        other = (c + 1) % 20
        anchor, positive, negative = (
            net(centers[k] + 0.2 * torch.randn(40, 18)) for k in (c, c, other)
        )
        loss = F.triplet_margin_loss(anchor, positive, negative, margin=0.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
