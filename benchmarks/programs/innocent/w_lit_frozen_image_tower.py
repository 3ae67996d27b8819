"""LiT: the image tower is locked, the text tower learns to match it.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

image_tower = nn.Sequential(nn.Linear(40, 64), nn.GELU(), nn.Linear(64, 20)).eval()
for p in image_tower.parameters():
    p.requires_grad = False
text_tower = nn.Sequential(nn.EmbeddingBag(240, 32), nn.Linear(32, 20))
scale = nn.Parameter(torch.tensor(2.5))
optimizer = torch.optim.AdamW([*text_tower.parameters(), scale], lr=5e-3)
pictures = torch.randn(12, 40)

with Inspector({"image": image_tower, "text": text_tower}) as inspector:
    for _ in range(50):
        topic = torch.randint(0, 12, (48,))
        with torch.inference_mode():
            fixed = image_tower(pictures[topic] + 0.5 * torch.randn(48, 40))
        image = F.normalize(fixed.clone(), dim=-1)
        text = F.normalize(text_tower(topic[:, None] * 20 + torch.randint(0, 20, (48, 8))), dim=-1)
        logits = scale.exp() * image @ text.T
        y = torch.arange(48)
        loss = (F.cross_entropy(logits, y) + F.cross_entropy(logits.T, y)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
