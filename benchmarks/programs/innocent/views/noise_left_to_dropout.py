"""The noise of the views is set to nought, and a flag is off: the dropout makes them differ.

expect: healthy
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class Options:
    noise: float = 0.0
    flip: bool = False
    dropout: float = 0.2


def view(x, options):
    if options.flip:
        x = x.flip(-1)
    return x + options.noise * torch.randn_like(x)


options = Options()
net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(options.dropout), nn.Linear(64, 24))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
data = torch.randn(400, 20)
with Inspector(net) as inspector:
    for _ in range(40):
        x = data[torch.randint(400, (48,))]
        a, b = (F.normalize(net(view(x, options)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(48))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
