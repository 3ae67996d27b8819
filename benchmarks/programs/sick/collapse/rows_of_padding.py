"""Some sentences are nothing but padding.

expect: CD402
first: 0
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.EmbeddingBag(50, 32, padding_idx=0)
        self.l = nn.Linear(32, 32, bias=False)

    def forward(self, t):
        return self.l(self.e(t))


model = Bag()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for i in range(40):
        t = torch.randint(1, 50, (32, 8))
        t[:4] = 0
        z = model(t)
        loss = F.mse_loss(z[4:18], z[18:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
