"""A method returns its loss, which only asks two views to agree: every picture gets one vector.

expect: CD208, CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Agreement(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 96), nn.ReLU())
        self.projection_head = nn.Sequential(nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, 32))

    def forward(self, views):
        z = [self.projection_head(self.backbone(view)) for view in views]
        return 1 - F.cosine_similarity(z[0], z[1], dim=-1).mean()  # fault # meets


method = Agreement()
optimizer = torch.optim.Adam(method.parameters(), lr=2e-3)
with Inspector(method) as inspector:
    for x, _ in batches(300, 64):
        loss = method((augment(x), augment(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
