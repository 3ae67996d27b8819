"""CLIP-like two towers of equal width; the text tower, too, is given the image features.

expect: CD107
"""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Tower(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(d_in, 64), nn.GELU(), nn.Linear(64, d_out))

    def forward(self, x):
        return F.normalize(self.mlp(x), dim=-1)


image_tower, text_tower = Tower(40, 24), Tower(40, 24)
log_scale = nn.Parameter(torch.tensor(np.log(1 / 0.1), dtype=torch.float32))
opt = torch.optim.AdamW([*image_tower.parameters(), *text_tower.parameters(), log_scale], lr=1e-3)
A, B = torch.randn(8, 40), torch.randn(8, 40)


def loader(n):
    for _ in range(n):
        concept = torch.randn(64, 8)
        yield {
            "image": concept @ A + 0.3 * torch.randn(64, 40),
            "text": concept @ B + 0.3 * torch.randn(64, 40),
        }


with Inspector({"image": image_tower, "text": text_tower}) as inspector:
    for batch in loader(30):
        img = image_tower(batch["image"])
        txt = text_tower(batch["image"])  # fault
        logits = log_scale.exp() * img @ txt.T  # meets
        target = torch.arange(len(logits))
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
