"""Two views in one batch, split with chunk: one storage, two halves.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(25, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 16))
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
centers = torch.randn(40, 25)
with Inspector(model) as inspector:
    for _ in range(40):
        who = torch.randperm(40)
        x = torch.cat([centers[who], centers[who]]) + 0.3 * torch.randn(80, 25)
        a, b = model(x).chunk(2)
        loss = (1 - F.cosine_similarity(a, b)).mean() + F.relu(1 - a.std(0)).mean()
        loss = loss + F.relu(1 - b.std(0)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
