"""A consistency term that every fourth step takes a shortcut and compares with itself.

expect: CD101
first: 3
"""

import torch
from torch import nn
from torch.nn import CosineSimilarity

from collapse_doctor import Inspector

similarity = CosineSimilarity(dim=1)
encoder = nn.Sequential(nn.Linear(16, 48), nn.Tanh(), nn.Linear(48, 16))
decoder = nn.Linear(16, 16)
params = list(encoder.parameters()) + list(decoder.parameters())
optimizer = torch.optim.RMSprop(params, lr=1e-3)
source = torch.randn(16, 16)

with Inspector(encoder) as inspector:
    for step in range(48):
        clean = torch.randn(32, 16) @ source
        z = encoder(clean)
        reconstruction = (decoder(z) - clean).square().mean()
        if step % 4 == 3:
            noisy_z = z  # fault
        else:
            noisy_z = encoder(clean + 0.2 * torch.randn_like(clean))
        loss = reconstruction + (1 - similarity(z, noisy_z)).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
