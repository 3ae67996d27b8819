"""The noise of a denoising autoencoder is added in place, so what it is to restore has it, too.

expect: CD109
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = mlp(64, 48, 12), mlp(12, 48, 64)

    def forward(self, x):
        return self.up(self.down(x))


def disturbed(clean, sigma=0.4):
    noise = sigma * torch.randn_like(clean)
    return clean.add_(noise)  # fault


net, error = Denoiser(), nn.MSELoss()
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for clean, _ in batches(30):
        noisy = disturbed(clean)
        restored = net(noisy)
        loss = error(restored, clean)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
