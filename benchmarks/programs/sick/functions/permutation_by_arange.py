"""Negatives are drawn by a helper that returns the order as it is.

expect: CD104
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def derangement(n):
    return torch.arange(n)  # fault


class Ranking(nn.Module):
    def forward(self, z, partner):
        wrong = partner[derangement(len(partner))]
        good = F.cosine_similarity(z, partner)
        bad = F.cosine_similarity(partner, wrong)  # shows
        return F.relu(0.3 - good + bad).mean()


net = nn.Sequential(nn.Linear(19, 40), nn.ReLU(), nn.Linear(40, 18))
ranking = Ranking()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        x = torch.randn(36, 19)
        loss = ranking(net(x), net(x + 0.2 * torch.randn_like(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
