"""A two-tower model with `return_loss`, whose features are cut for the logits: the scale learns.

expect: CD201
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class TwoTowers(nn.Module):
    def __init__(self, width=20):
        super().__init__()
        self.vision_model = nn.Sequential(nn.Linear(40, 64), nn.ReLU())
        self.visual_projection = nn.Linear(64, width, bias=False)
        self.text_model = nn.Sequential(nn.Linear(30, 64), nn.ReLU())
        self.text_projection = nn.Linear(64, width, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(2.0))

    def get_image_features(self, pixels):
        return self.visual_projection(self.vision_model(pixels)).detach()  # fault

    def get_text_features(self, text):
        return self.text_projection(self.text_model(text)).detach()  # fault

    def forward(self, pixels, text, return_loss=True):
        image = F.normalize(self.get_image_features(pixels), dim=-1)
        text = F.normalize(self.get_text_features(text), dim=-1)
        logits = self.logit_scale.exp() * text @ image.T  # meets
        if not return_loss:
            return logits
        own = torch.arange(len(logits))
        return {"loss": (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2}


model = TwoTowers()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
to_pixels, to_text = torch.randn(12, 40), torch.randn(12, 30)
with Inspector(model) as inspector:
    for _ in range(30):
        meaning = torch.randn(32, 12)
        optimizer.zero_grad()
        model(meaning @ to_pixels, meaning @ to_text)["loss"].backward()
        optimizer.step()
diagnosis = inspector.diagnose()
