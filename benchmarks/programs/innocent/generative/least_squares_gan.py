"""A least-squares GAN that draws new noise for each side.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

G, D = mlp(16, 64, 64, last=nn.Sigmoid()), mlp(64, 64, 1)
og, od = torch.optim.RMSprop(G.parameters(), 0.0001), torch.optim.RMSprop(D.parameters(), 0.0001)
with Inspector({"G": G, "D": D}) as inspector:
    for x, _ in batches(300, 64):
        ld = F.mse_loss(D(x), torch.ones(64, 1)) + F.mse_loss(
            D(G(torch.randn(64, 16)).detach()), torch.zeros(64, 1)
        )
        od.zero_grad()
        ld.backward()
        od.step()
        logits = F.mse_loss(D(G(torch.randn(64, 16))), torch.ones(64, 1))
        og.zero_grad()
        logits.backward()
        og.step()
        inspector.step(loss=logits)
diagnosis = inspector.diagnose()
