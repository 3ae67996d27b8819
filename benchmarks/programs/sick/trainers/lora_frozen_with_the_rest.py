"""The adapters are put in first, and then everything is frozen by a loop over the encoder's parameters.

expect: CD202
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class LoRALinear(nn.Module):
    def __init__(self, base, r=4):
        super().__init__()
        self.base = base
        self.A = nn.Parameter(torch.randn(r, base.in_features) * 0.1)
        self.B = nn.Parameter(torch.zeros(base.out_features, r))

    def forward(self, x):
        return self.base(x) + x @ self.A.T @ self.B.T


encoder = nn.Sequential(
    nn.Linear(20, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 24)
)
encoder[2] = LoRALinear(encoder[2])
encoder[4] = LoRALinear(encoder[4])
for p in encoder.parameters():
    p.requires_grad = False  # fault
scale = nn.Parameter(torch.tensor(2.0))
opt = torch.optim.AdamW([*encoder.parameters(), scale], lr=1e-2)  # shows
with Inspector(encoder) as inspector:
    for step in range(60):
        base = torch.randn(32, 20)
        a = F.normalize(encoder(base + 0.3 * torch.randn_like(base)), dim=1)
        b = F.normalize(encoder(base + 0.3 * torch.randn_like(base)), dim=1)
        loss = F.cross_entropy(a @ b.T * scale.exp(), torch.arange(32))
        loss.backward()
        opt.step()
        opt.zero_grad()
diagnosis = inspector.diagnose()
