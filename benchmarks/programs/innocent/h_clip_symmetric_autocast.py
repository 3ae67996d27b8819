"""CLIP with a symmetric loss, the towers under bfloat16 autocast.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

A, B = torch.randn(12, 40), torch.randn(12, 28)
image = nn.Sequential(nn.Linear(40, 64), nn.GELU(), nn.Linear(64, 24))
text = nn.Sequential(nn.Linear(28, 64), nn.GELU(), nn.Linear(64, 24))
scale = nn.Parameter(torch.tensor(1.6))
opt = torch.optim.AdamW([*image.parameters(), *text.parameters(), scale], lr=2e-3)
with Inspector({"image": image, "text": text}) as inspector:
    for _ in range(45):
        s = torch.randn(64, 12)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            i, t = image(s @ A), text(s @ B)
        i, t = F.normalize(i.float(), dim=-1), F.normalize(t.float(), dim=-1)
        logits = scale.exp() * i @ t.T
        gt = torch.arange(64)
        loss = (F.cross_entropy(logits, gt) + F.cross_entropy(logits.T, gt)) / 2
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
