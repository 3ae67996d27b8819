"""A small U-Net for denoising: narrow in the middle, with connections around it.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(1, 16, 3, padding=1)
        self.down2 = nn.Conv2d(16, 32, 3, 2, 1)
        self.middle = nn.Conv2d(32, 4, 3, 2, 1)
        self.up1 = nn.ConvTranspose2d(4, 32, 2, 2)
        self.up2 = nn.ConvTranspose2d(64, 16, 2, 2)
        self.out = nn.Conv2d(32, 1, 3, padding=1)

    def forward(self, x):
        a = F.relu(self.down1(x))
        b = F.relu(self.down2(a))
        m = F.relu(self.middle(b))
        u = F.relu(self.up1(m))
        v = F.relu(self.up2(torch.cat([u, b], 1)))
        return self.out(torch.cat([v, a], 1))


net = UNet()
opt = torch.optim.Adam(net.parameters(), 2e-3)
with Inspector(net) as inspector:
    for x, _ in batches(80):
        image = x.view(-1, 1, 8, 8)
        loss = F.mse_loss(net(image + 0.2 * torch.randn_like(image)), image)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
