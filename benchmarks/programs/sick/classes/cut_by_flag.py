"""The embedding is cut from the graph where a setting says so, and it says so for training.

expect: CD201
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

DETACH = True  # fault


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(15, 40), nn.ReLU(), nn.Linear(40, 12))

    def forward(self, x):
        z = self.net(x)
        return z.detach() if DETACH else z  # shows


embed, head = Embedder(), nn.Linear(12, 5)
optimizer = torch.optim.Adam([*embed.parameters(), *head.parameters()], lr=1e-3)
with Inspector(embed) as inspector:
    for _ in range(25):
        x = torch.randn(40, 15)
        loss = F.cross_entropy(head(embed(x)), x[:, :5].argmax(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
