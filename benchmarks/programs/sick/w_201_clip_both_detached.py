"""CLIP with both towers detached for the logits: only the temperature learns.

expect: CD201
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class CLIP(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 20))
        self.text = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 20))
        self.logit_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, image, text):
        return self.image(image), self.text(text)

    def contrastive_loss(self, i, t):
        i, t = i.detach(), t.detach()  # fault
        i, t = F.normalize(i, dim=-1), F.normalize(t, dim=-1)
        logits = self.logit_scale.exp() * i @ t.T  # meets
        y = torch.arange(len(i))
        return 0.5 * (F.cross_entropy(logits, y) + F.cross_entropy(logits.T, y))


clip = CLIP()
optimizer = torch.optim.AdamW(clip.parameters(), lr=1e-3)
to_image, to_text = torch.randn(12, 40), torch.randn(12, 30)

with Inspector(clip) as inspector:
    for _ in range(30):
        meaning = torch.randn(48, 12)
        loss = clip.contrastive_loss(*clip(meaning @ to_image, meaning @ to_text))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
