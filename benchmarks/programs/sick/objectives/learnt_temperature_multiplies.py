"""Cosines are multiplied by a learnt temperature of 0.07 that they should be divided by.

expect: CD207
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Towers(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.image = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, dim))
        self.text = nn.EmbeddingBag(300, dim)
        self.temperature = nn.Parameter(torch.tensor([0.07]))

    def forward(self, pixels, words):
        image, text = F.normalize(self.image(pixels)), F.normalize(self.text(words))
        return self.temperature * torch.einsum("id,jd->ij", image, text)  # fault


torch.manual_seed(3)
styles, captions = torch.randn(120, 30), torch.randint(300, (120, 6))
towers = Towers()
optimizer = torch.optim.Adam(towers.parameters(), lr=1e-4)
with Inspector({"image": towers.image, "text": towers.text}) as inspector:
    for _ in range(50):
        pick = torch.randperm(120)[:48]
        logits = towers(styles[pick] + 0.5 * torch.randn(48, 30), captions[pick])
        loss = F.cross_entropy(logits, torch.arange(48))  # meets  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
