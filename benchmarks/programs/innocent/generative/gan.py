"""A generator and a discriminator.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

generator, discriminator = (
    mlp(16, 64, 64, last=nn.Sigmoid()),
    mlp(64, 64, 1, act=lambda: nn.LeakyReLU(0.2)),
)
optimizer_g, optimizer_d = (
    torch.optim.Adam(generator.parameters(), 0.0002, (0.5, 0.99)),
    torch.optim.Adam(discriminator.parameters(), 0.0002, (0.5, 0.99)),
)
bce = nn.BCEWithLogitsLoss()
with Inspector({"G": generator, "D": discriminator}) as inspector:
    for x, _ in batches(400, 64):
        fake = generator(torch.randn(64, 16))
        loss_d = bce(discriminator(x), torch.ones(64, 1)) + bce(
            discriminator(fake.detach()), torch.zeros(64, 1)
        )
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        loss_g = bce(discriminator(fake), torch.ones(64, 1))
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
diagnosis = inspector.diagnose()
