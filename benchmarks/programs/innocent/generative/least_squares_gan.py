"""A least-squares GAN that draws new noise for each side.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

generator, discriminator = mlp(16, 64, 64, last=nn.Sigmoid()), mlp(64, 64, 1)
optimizer_g, optimizer_d = (
    torch.optim.RMSprop(generator.parameters(), 0.0001),
    torch.optim.RMSprop(discriminator.parameters(), 0.0001),
)
with Inspector({"G": generator, "D": discriminator}) as inspector:
    for x, _ in batches(300, 64):
        loss_d = F.mse_loss(discriminator(x), torch.ones(64, 1)) + F.mse_loss(
            discriminator(generator(torch.randn(64, 16)).detach()), torch.zeros(64, 1)
        )
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        loss_g = F.mse_loss(discriminator(generator(torch.randn(64, 16))), torch.ones(64, 1))
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
        inspector.step(loss=loss_g)
diagnosis = inspector.diagnose()
