"""The texts are embedded once before the loop, "to save time", though their encoder is being trained.

expect: CD106
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

n, d_img, d_txt = 256, 30, 12
latent = torch.randn(n, 10)
images = latent @ torch.randn(10, d_img) + 0.1 * torch.randn(n, d_img)
captions = latent @ torch.randn(10, d_txt) + 0.1 * torch.randn(n, d_txt)

image_tower = nn.Sequential(nn.Linear(d_img, 64), nn.GELU(), nn.Linear(64, 16))
text_tower = nn.Sequential(nn.Linear(d_txt, 64), nn.GELU(), nn.Linear(64, 16))
opt = torch.optim.Adam([*image_tower.parameters(), *text_tower.parameters()], lr=1e-3)
with Inspector({"image": image_tower, "text": text_tower}) as inspector:
    text_bank = F.normalize(text_tower(captions), dim=-1).detach()  # fault
    for epoch in range(10):
        for rows in torch.randperm(n).split(64):
            zi = F.normalize(image_tower(images[rows]), dim=-1)
            sim = zi @ text_bank[rows].T / 0.07  # shows
            loss = F.cross_entropy(sim, torch.arange(len(rows)))
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
