"""Two groups of parameters, of which both are the text tower's.

expect: CD202
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

image = nn.Sequential(nn.Linear(30, 48), nn.ReLU(), nn.Linear(48, 16))
text = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 16))
opt = torch.optim.AdamW(  # fault
    [
        {"params": [p for p in text.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in text.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ],
    lr=1e-3,
)
mix = torch.randn(12, 30)
with Inspector({"image": image, "text": text}) as inspector:
    for i in range(40):
        t = torch.randn(40, 12)
        zi, zt = F.normalize(image(t @ mix), dim=1), F.normalize(text(t), dim=1)
        s = 10 * zi @ zt.t()
        loss = (F.cross_entropy(s, torch.arange(40)) + F.cross_entropy(s.t(), torch.arange(40))) / 2
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
