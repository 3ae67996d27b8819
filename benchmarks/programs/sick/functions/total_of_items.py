"""The two losses are added as .item() and wrapped into a tensor that requires a gradient.

expect: CD201
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

enc = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 16))
opt = torch.optim.RMSprop(enc.parameters(), lr=1e-3)
protos = torch.randn(8, 20)


def total(losses, weights):
    return torch.tensor(
        sum(w * l.item() for l, w in zip(losses, weights)), requires_grad=True
    )  # fault


with Inspector(enc) as inspector:
    for i in range(30):
        y = torch.randint(0, 8, (32,))
        a, p, n = (enc(protos[k] + 0.3 * torch.randn(32, 20)) for k in (y, y, (y + 1) % 8))
        loss = total([F.triplet_margin_loss(a, p, n), a.norm(dim=1).mean()], [1.0, 0.01])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
