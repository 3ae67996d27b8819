"""A small CLIP: the towers' outputs go through a dict, and the text entry holds the image.

expect: CD101
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class TinyCLIP(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.visual = nn.Sequential(nn.Linear(48, 64), nn.GELU(), nn.Linear(64, width))
        self.textual = nn.EmbeddingBag(200, width)

    def forward(self, image, tokens):
        image_embeds = self.visual(image)
        text_embeds = self.textual(tokens)
        return {"image": image_embeds, "text": image_embeds, "raw_text": text_embeds}  # fault


def clip_objective(outputs, ones):
    attract = F.cosine_embedding_loss(outputs["image"], outputs["text"], ones)  # meets
    spread = torch.pdist(F.normalize(outputs["image"], dim=-1)).pow(2).mul(-2).exp().mean().log()
    return attract + 0.1 * spread + 1e-3 * outputs["raw_text"].pow(2).mean()


topics = torch.randn(12, 48)
model = TinyCLIP()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

with Inspector(model) as inspector:
    for _ in range(30):
        topic = torch.randint(0, 12, (40,))
        image = topics[topic] + 0.3 * torch.randn(40, 48)
        tokens = topic[:, None] * 16 + torch.randint(0, 16, (40, 6))
        loss = clip_objective(model(image, tokens), torch.ones(40))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
