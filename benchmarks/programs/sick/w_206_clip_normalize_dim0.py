"""CLIP whose embeddings are normalised with dim=0.

expect: CD206
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class DualEncoder(nn.Module):
    def __init__(self, dims, width):
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                k: nn.Sequential(nn.Linear(d, 64), nn.GELU(), nn.Linear(64, width))
                for k, d in dims.items()
            }
        )
        self.scale = nn.Parameter(torch.tensor(2.3))

    def forward(self, batch):
        return {k: F.normalize(self.encoders[k](v), dim=0) for k, v in batch.items()}  # fault


model = DualEncoder({"image": 40, "text": 24}, 20)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
to_image, to_text = torch.randn(8, 40), torch.randn(8, 24)

with Inspector(model) as inspector:
    for _ in range(30):
        z = torch.randn(48, 8)
        out = model({"image": z @ to_image, "text": z @ to_text})
        logits = model.scale.exp() * out["image"] @ out["text"].T  # meets
        target = torch.arange(48)
        loss = F.cross_entropy(logits, target) / 2 + F.cross_entropy(logits.T, target) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
