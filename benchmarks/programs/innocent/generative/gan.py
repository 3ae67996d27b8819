"""A generator and a discriminator.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

G, D = mlp(16, 64, 64, last=nn.Sigmoid()), mlp(64, 64, 1, act=lambda: nn.LeakyReLU(0.2))
og, od = (
    torch.optim.Adam(G.parameters(), 0.0002, (0.5, 0.99)),
    torch.optim.Adam(D.parameters(), 0.0002, (0.5, 0.99)),
)
bce = nn.BCEWithLogitsLoss()
with Inspector({"G": G, "D": D}) as inspector:
    for x, _ in batches(400, 64):
        f = G(torch.randn(64, 16))
        ld = bce(D(x), torch.ones(64, 1)) + bce(D(f.detach()), torch.zeros(64, 1))
        od.zero_grad()
        ld.backward()
        od.step()
        logits = bce(D(f), torch.ones(64, 1))
        og.zero_grad()
        logits.backward()
        og.step()
        pass
diagnosis = inspector.diagnose()
