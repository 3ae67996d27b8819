"""A helper for probabilities whose default dimension is the batch.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def probabilities(scores, dim=0):  # fault
    return torch.softmax(scores, dim=dim)  # shows


def likelihood(p, labels):
    return -p.gather(1, labels[:, None]).clamp(min=1e-9).log().mean()


net = nn.Sequential(nn.Linear(12, 40), nn.ReLU(), nn.Linear(40, 5))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
centres = torch.randn(5, 12)
with Inspector(net) as inspector:
    for _ in range(25):
        labels = torch.randint(0, 5, (40,))
        loss = likelihood(probabilities(net(centres[labels] + 0.3 * torch.randn(40, 12))), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
