"""A layer of noise adds to what it is given, and returns it: clean and noisy are one tensor.

expect: CD109
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Jitter(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, latent):
        latent += self.size * torch.randn_like(latent)  # fault
        return latent  # fault


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = mlp(64, 80, 20), mlp(20, 64)
        self.jitter = Jitter(0.3)

    def loss(self, pixels):
        clean = self.encoder(pixels)
        noisy = self.jitter(clean)
        far = (F.normalize(clean, dim=-1) - F.normalize(noisy, dim=-1)).norm(dim=-1)  # meets
        return far.mean() + F.mse_loss(self.decoder(noisy), pixels)


torch.manual_seed(2)
model = Denoiser()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
with Inspector(model.encoder) as inspector:
    for pixels, _ in batches(40):
        loss = model.loss(pixels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
