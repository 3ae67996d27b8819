"""Two towers with `return_loss`, a locked one beside a learning one, and a loss that is returned.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class TwoTowers(nn.Module):
    def __init__(self, width=20):
        super().__init__()
        self.vision_model = nn.Sequential(nn.Linear(40, 64), nn.ReLU()).requires_grad_(False)
        self.visual_projection = nn.Linear(64, width, bias=False)
        self.text_model = nn.Sequential(nn.Linear(30, 64), nn.ReLU())
        self.text_projection = nn.Linear(64, width, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, pixels, text, return_loss=True):
        with torch.no_grad():
            seen = self.vision_model(pixels)
        image = F.normalize(self.visual_projection(seen), dim=-1)
        text = F.normalize(self.text_projection(self.text_model(text)), dim=-1)
        logits = self.logit_scale.exp() * text @ image.T
        own = torch.arange(len(logits))
        loss = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        return {"loss": loss} if return_loss else logits


model = TwoTowers()
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
to_pixels, to_text = torch.randn(12, 40), torch.randn(12, 30)
with Inspector(model) as inspector:
    for _ in range(60):
        meaning = torch.randn(32, 12)
        optimizer.zero_grad()
        model(meaning @ to_pixels, meaning @ to_text)["loss"].backward()
        optimizer.step()
diagnosis = inspector.diagnose()
