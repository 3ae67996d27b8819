"""A denoising autoencoder; input and target share their clean part.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

digits = torch.tensor(load_digits().data, dtype=torch.float32) / 16
digits = (digits - digits.mean(0)) / digits.std()
encoder = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 16))
decoder = nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 64))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
with Inspector({"encoder": encoder, "decoder": decoder}) as inspector:
    for rows in torch.randperm(1600).repeat(2).split(64):
        clean = digits[rows]
        noisy = clean + 0.2 * torch.randn_like(clean)
        loss = nn.functional.mse_loss(decoder(encoder(noisy)), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
