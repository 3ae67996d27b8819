"""LiT: the image tower is frozen on purpose, the text tower learns towards it.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Lit(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 20)).eval()
        for p in self.image.parameters():
            p.requires_grad = False
        self.text = nn.Sequential(nn.Linear(22, 64), nn.ReLU(), nn.Linear(64, 20))

    def forward(self, img, txt):
        with torch.no_grad():
            i = F.normalize(self.image(img) - self.image(img).mean(0), dim=1)
        return i, F.normalize(self.text(txt), dim=1)


net = Lit()
opt = torch.optim.Adam((p for p in net.parameters() if p.requires_grad), lr=2e-3)
A, B = torch.randn(8, 30), torch.randn(8, 22)
with Inspector({"image": net.image, "text": net.text}) as inspector:
    for _ in range(45):
        s = torch.randn(64, 8)
        i, t = net(s @ A, s @ B)
        loss = F.cross_entropy(t @ i.T / 0.2, torch.arange(64))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
