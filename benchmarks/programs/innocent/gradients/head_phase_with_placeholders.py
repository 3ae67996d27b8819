"""First contrastive, then a head alone: a zero stands for the term that is not wanted any more.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

body, head = nn.Sequential(nn.Linear(30, 60), nn.ReLU(), nn.Linear(60, 20)), nn.Linear(20, 6)
optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=2e-3)
means = torch.randn(6, 30)


def contrast(a, b):
    scores = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    return F.cross_entropy(5 * scores, torch.arange(len(a)))


with Inspector(body) as inspector:
    for step in range(80):
        y = torch.randint(0, 6, (36,))
        one, two = (body(means[y] + 0.6 * torch.randn(36, 30)) for _ in range(2))
        pretrain = step < 30
        pair = contrast(one, two) if pretrain else torch.zeros(())
        label = torch.zeros(()) if pretrain else F.cross_entropy(head(one.detach()), y)
        loss = label + pair
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
