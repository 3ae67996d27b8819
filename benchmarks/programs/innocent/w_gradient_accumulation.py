"""Four micro-batches to a step, with weights that stand still in between.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
head = nn.Linear(24, 10)
optimizer = torch.optim.AdamW([*body.parameters(), *head.parameters()], lr=3e-3)
accumulate = 4

with Inspector(body) as inspector:
    for micro, rows in enumerate(torch.randperm(1792).repeat(2).split(16)):
        loss = nn.functional.cross_entropy(head(body(x[rows])), y[rows]) / accumulate
        loss.backward()
        if (micro + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()

diagnosis = inspector.diagnose()
