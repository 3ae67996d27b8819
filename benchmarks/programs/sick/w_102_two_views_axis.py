"""Embeddings of shape (people, photos, width); both sides of the pair index photo 0.

expect: CD102
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


@dataclass
class Pair:
    left: torch.Tensor
    right: torch.Tensor

    def loss(self, margin: float) -> torch.Tensor:
        pull = (self.left - self.right).pow(2).sum(-1)  # meets
        wrong = self.right.roll(1, dims=0)
        push = F.relu(margin - (self.left - wrong).norm(dim=-1)).pow(2)
        return (pull + push).mean()


net = nn.Sequential(nn.Linear(18, 36), nn.ELU(), nn.Linear(36, 9))
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
identity = torch.randn(30, 1, 18)

with Inspector(net) as inspector:
    for _ in range(30):
        photos = identity + 0.4 * torch.randn(30, 2, 18)
        faces = net(photos)
        pair = Pair(left=faces[:, 0], right=faces[:, 0])  # fault
        loss = pair.loss(margin=2.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
