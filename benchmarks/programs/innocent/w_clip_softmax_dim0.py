"""CLIP written with log_softmax along both axes of the logits.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class CLIP(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = nn.Sequential(nn.Linear(40, 64), nn.GELU(), nn.Linear(64, 20))
        self.text = nn.Sequential(nn.EmbeddingBag(240, 32), nn.Linear(32, 20))
        self.logit_scale = nn.Parameter(torch.tensor(2.3))

    def forward(self, image, text):
        image = F.normalize(self.image(image), dim=-1)
        text = F.normalize(self.text(text), dim=-1)
        return self.logit_scale.exp() * image @ text.T


model = CLIP()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
pictures = torch.randn(12, 40)
with Inspector({"image": model.image, "text": model.text}) as inspector:
    for _ in range(50):
        topic = torch.randint(0, 12, (48,))
        image = pictures[topic] + torch.randn(48, 40)
        text = topic[:, None] * 20 + torch.randint(0, 20, (48, 8))
        logits = model(image, text)
        per_image = -logits.log_softmax(dim=1).diagonal().mean()
        per_text = -logits.log_softmax(dim=0).diagonal().mean()
        loss = (per_image + per_text) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
