"""Supervised contrast with keyword-only functions; masks from (B, 1) against (1, B).

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def supcon(*, features, labels, temperature):
    labels = labels.reshape(-1, 1)
    positives = torch.eq(labels, labels.T).float()
    others = 1 - torch.eye(len(labels))
    logits = features @ features.T / temperature
    logits = logits - logits.amax(dim=1, keepdim=True).detach()
    log_prob = logits - torch.log((logits.exp() * others).sum(dim=1, keepdim=True))
    positives = positives * others
    return -((positives * log_prob).sum(1) / positives.sum(1).clamp(min=1)).mean()


means = torch.randn(14, 26)
net = nn.Sequential(nn.Linear(26, 64), nn.ReLU(), nn.Linear(64, 20))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(45):
        y = torch.randint(0, 14, (70,))
        z = nn.functional.normalize(net(means[y] + torch.randn(70, 26)), dim=1)
        loss = supcon(features=z, labels=y, temperature=0.3)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
