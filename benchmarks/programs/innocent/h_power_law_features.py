"""Data with a natural power-law spectrum, through an autoencoder.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

scales = torch.arange(1, 41).float().pow(-0.5)
turn = torch.linalg.qr(torch.randn(40, 40))[0]
encode = nn.Sequential(nn.Linear(40, 64), nn.ELU(), nn.Linear(64, 24))
decode = nn.Sequential(nn.Linear(24, 64), nn.ELU(), nn.Linear(64, 40))
opt = torch.optim.AdamW([*encode.parameters(), *decode.parameters()], lr=3e-3)
with Inspector(encode) as inspector:
    for _ in range(60):
        x = 3 * (torch.randn(128, 40) * scales) @ turn
        loss = (decode(encode(x)) - x).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
