"""Few gallery pictures are near very many queries: the vague ones, in the middle of the cloud.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Gallery(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(200, 256), nn.GELU(), nn.Linear(256, width))

    def forward(self, x):
        return self.net(x)


model = Gallery()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
with Inspector(model) as inspector:
    for _ in range(50):
        clear = torch.rand(128, 1)
        x = torch.randn(128, 200) * clear + 0.3
        a, b = (F.normalize(model(x + 0.05 * torch.randn_like(x)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(128))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
