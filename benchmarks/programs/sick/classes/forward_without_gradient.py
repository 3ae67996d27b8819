"""forward is decorated with no_grad, left from an evaluation script; a linear probe learns behind it.

expect: CD201
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Enc(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 16))

    @torch.no_grad()  # fault
    def forward(self, x):
        return self.net(x)  # shows


enc = Enc()
proj = nn.Linear(16, 8)
opt = torch.optim.Adam([*enc.parameters(), *proj.parameters()], lr=1e-3)
protos = torch.randn(8, 20)
with Inspector(enc) as inspector:
    for i in range(30):
        y = torch.randint(0, 8, (32,))
        a, b = (F.normalize(proj(enc(protos[y] + 0.2 * torch.randn(32, 20))), dim=1) for _ in "ab")
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(32))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
