"""Two optimizers: the head is trained for a while before the encoder's takes its first step.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

encoder, head = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 16)), nn.Linear(16, 5)
optimizers = [torch.optim.Adam(part.parameters(), lr=2e-3) for part in (head, encoder)]
means = 2 * torch.randn(5, 20)
with Inspector(encoder) as inspector:
    for step in range(60):
        y = torch.randint(0, 5, (40,))
        loss = F.cross_entropy(head(encoder(means[y] + torch.randn(40, 20))), y)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers[: 1 if step < 20 else 2]:
            optimizer.step()
diagnosis = inspector.diagnose()
