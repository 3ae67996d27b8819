"""Transfer: the head first, the backbone is unfrozen and joins the optimizer after fifteen steps.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
backbone = nn.Sequential(nn.Linear(64, 96), nn.Tanh(), nn.Linear(96, 24))
head = nn.Linear(24, 10)
backbone.requires_grad_(False)
optimizer = torch.optim.Adam(head.parameters(), lr=5e-3)
with Inspector({"backbone": backbone, "head": head}) as inspector:
    for step, rows in enumerate(torch.randperm(1600).split(40)):
        if step == 15:
            backbone.requires_grad_(True)
            optimizer.add_param_group({"params": backbone.parameters(), "lr": 2e-3})
        loss = nn.functional.cross_entropy(head(backbone(x[rows])), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
