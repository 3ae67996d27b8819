"""From step 50 on a mask takes out twenty rows.

expect: CD402
first: 50
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Z(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Encoder()
        self.t = -1

    def forward(self, x):
        self.t += 1
        z = self.net(x)
        return z * (torch.arange(len(x)) >= 20).float()[:, None] if self.t >= 50 else z


model = Z()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(120, 64):
        z = model(x)
        loss = F.mse_loss(z[:32], z[32:]) + z.var() * -0.01
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
