"""A sparse autoencoder of 1,024 features, most of them silent for most inputs.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

atoms = torch.nn.functional.normalize(torch.randn(400, 48), dim=1)


class SAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(48, 1024), nn.Linear(1024, 48)
        self.encode.weight.data.copy_(self.decode.weight.data.T)
        nn.init.constant_(self.encode.bias, -0.05)

    def forward(self, x):
        f = torch.relu(self.encode(x))
        return self.decode(f), f.sum(1).mean()


sae = SAE()
optimizer = torch.optim.Adam(sae.parameters(), lr=2e-3)
with Inspector(sae) as inspector:
    for _ in range(250):
        x = ((torch.rand(128, 400) < 0.01).float() * torch.rand(128, 400)) @ atoms
        y, size = sae(x)
        loss = (y - x).square().sum(1).mean() + 0.1 * size
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
