"""Two modalities are matched in distribution by an energy distance, beside the pairs' own distance.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

left = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 16))
right = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 16))
decoder = nn.Linear(16, 24)
parameters = [*left.parameters(), *right.parameters(), *decoder.parameters()]
optimizer = torch.optim.Adam(parameters, lr=1e-3)
mix = torch.randn(24, 40)
with Inspector({"left": left, "right": right}) as inspector:
    for _ in range(50):
        x = torch.randn(32, 24)
        a, b = left(x), right(x @ mix / 5)
        energy = 2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()
        loss = energy + nn.functional.mse_loss(decoder(a), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
