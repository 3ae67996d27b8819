"""A VQ autoencoder: straight-through estimator, code-book and commitment terms with detach.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

enc, dec = nn.Linear(12, 6), nn.Linear(6, 12)
book = nn.Embedding(32, 6)
nn.init.normal_(book.weight, std=0.7)
optimizer = torch.optim.Adam([*enc.parameters(), *dec.parameters(), *book.parameters()], lr=5e-3)
means = torch.randn(16, 12)
with Inspector(enc) as inspector:
    for _ in range(60):
        x = means[torch.randint(0, 16, (96,))] + 0.1 * torch.randn(96, 12)
        z = enc(x)
        code = torch.cdist(z, book.weight).argmin(1)
        q = book(code)
        straight = z + (q - z).detach()
        loss = (
            F.mse_loss(dec(straight), x)
            + F.mse_loss(q, z.detach())
            + 0.25 * F.mse_loss(z, q.detach())
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
