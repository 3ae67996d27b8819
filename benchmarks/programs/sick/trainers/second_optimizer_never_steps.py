"""Two optimizers, of which the encoder's is only ever cleared.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

encoder = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 32))
proxies = nn.Parameter(torch.randn(8, 32))
optimizers = {
    "encoder": torch.optim.AdamW(encoder.parameters(), lr=1e-3),
    "proxies": torch.optim.SGD([proxies], lr=1e-1),
}
means = torch.randn(8, 40)

with Inspector(encoder) as inspector:
    for _ in range(40):
        y = torch.randint(0, 8, (64,))
        z = F.normalize(encoder(means[y] + 0.7 * torch.randn(64, 40)), dim=1)
        loss = F.cross_entropy(8 * z @ F.normalize(proxies, dim=1).T, y)
        for optimizer in optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        optimizers["proxies"].step()  # fault
diagnosis = inspector.diagnose()
