"""An autoencoder-like metric net of twenty sigmoid layers with the default init.

expect: CD203
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

layers = []
for _ in range(20):
    layers += [nn.Linear(32, 32), nn.Sigmoid()]  # fault
model = nn.Sequential(*layers, nn.Linear(32, 16))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
base = torch.randn(100, 32)

with Inspector(model) as inspector:
    for _ in range(25):
        i = torch.randint(0, 100, (32,))
        anchor, positive = model(base[i]), model(base[i] + 0.1 * torch.randn(32, 32))
        negative = model(base[(i + 1) % 100])
        loss = F.triplet_margin_loss(anchor, positive, negative, margin=1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
