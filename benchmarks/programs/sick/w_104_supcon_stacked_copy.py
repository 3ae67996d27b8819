"""SupCon wants (batch, views, width): the features of one view were stacked twice to fit the shape.

expect: CD104
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class SupConLoss(nn.Module):
    def __init__(self, temperature=0.1):
        super().__init__()
        self.temperature = temperature

    def forward(self, features, labels):
        n, views, _ = features.shape
        contrast = torch.cat(torch.unbind(features, dim=1), dim=0)
        logits = contrast @ contrast.T / self.temperature  # meets
        logits = logits - logits.max(dim=1, keepdim=True).values.detach()
        not_self = ~torch.eye(n * views, dtype=torch.bool)
        same = labels.repeat(views)[:, None] == labels.repeat(views)[None, :]
        log_prob = logits - (logits.exp() * not_self).sum(1, keepdim=True).log()
        positives = same & not_self
        return -((log_prob * positives).sum(1) / positives.sum(1)).mean()


encoder = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
criterion = SupConLoss()
means = torch.randn(10, 16)

with Inspector(encoder) as inspector:
    for _ in range(30):
        labels = torch.randint(0, 10, (40,))
        z = F.normalize(encoder(means[labels] + 0.5 * torch.randn(40, 16)), dim=1)
        features = torch.stack([z, z], dim=1)  # fault
        loss = criterion(features, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
