"""Text vectors of a frozen tower are computed once and used in every epoch.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

text_tower = nn.Sequential(nn.Linear(30, 64), nn.GELU(), nn.Linear(64, 24)).eval()
image_tower = nn.Sequential(nn.Linear(40, 64), nn.GELU(), nn.Linear(64, 24))
captions = torch.randn(96, 30)
photos = captions @ torch.randn(30, 40)
optimizer = torch.optim.AdamW(image_tower.parameters(), lr=2e-3)
with Inspector({"image": image_tower, "text": text_tower}) as inspector:
    with torch.no_grad():
        cache = F.normalize(text_tower(captions), dim=1)
    for _epoch in range(15):
        for rows in torch.randperm(96).split(32):
            z = F.normalize(image_tower(photos[rows] + 0.5 * torch.randn(32, 40)), dim=1)
            loss = F.cross_entropy(z @ cache.T / 0.1, rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
