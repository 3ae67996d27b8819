"""Parameters are detached before `functional_call`: only the head behind it learns.

expect: CD201
"""

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from collapse_doctor import Inspector

backbone = nn.Sequential(nn.Linear(16, 48), nn.Tanh(), nn.Linear(48, 20))
head = nn.Linear(20, 4)
optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.05)
prototypes = 2 * torch.randn(4, 16)

with Inspector(backbone) as inspector:
    for _ in range(30):
        label = torch.randint(0, 4, (40,))
        x = prototypes[label] + torch.randn(40, 16)
        weights = {name: p.detach() for name, p in backbone.named_parameters()}  # fault
        features = functional_call(backbone, weights, (x,))  # shows
        loss = F.cross_entropy(head(features), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
