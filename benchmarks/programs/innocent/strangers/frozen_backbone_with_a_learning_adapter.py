"""The pretrained backbone is frozen and run without gradient on purpose; the adapter behind it learns the embedding.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Backbone(nn.Module):
    """Stands for a downloaded network."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 40, 7, stride=3)
        self.bn = nn.BatchNorm1d(40)

    def forward(self, x):
        h = torch.tanh(self.bn(self.conv(x)))
        return torch.cat([h.mean(-1), h.std(-1)], dim=1)


class Adapter(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Linear(80, 24), nn.Linear(24, 40)
        self.skip = nn.Linear(80, 40)
        self.scale = nn.BatchNorm1d(80)

    def forward(self, h):
        h = self.scale(h)
        return self.skip(h) + self.up(F.gelu(self.down(h)))


class Retrieval(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.adapter = Adapter()
        for name, p in self.named_parameters():
            p.requires_grad = name.startswith("adapter")

    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, x):
        with torch.no_grad():
            h = self.backbone(x)
        return self.adapter(h)


def motion(n, classes=12):
    g = torch.Generator().manual_seed(2)
    freq, phase = (
        torch.rand(classes, 4, 1, generator=g) * 0.9 + 0.1,
        torch.rand(classes, 4, 1, generator=g) * 6,
    )
    c = torch.randint(classes, (n,))
    t = torch.arange(60)
    return torch.sin(freq[c] * t + phase[c] + torch.rand(n, 1, 1)) + 0.4 * torch.randn(n, 4, 60), c


def proxy_loss(z, c, proxies, s=12.0, margin=0.1):
    cos = F.normalize(z, dim=1) @ F.normalize(proxies, dim=1).T
    cos = cos - margin * F.one_hot(c, len(proxies))
    return F.cross_entropy(s * cos, c)


torch.manual_seed(21)
model = Retrieval().train()
proxies = nn.Parameter(torch.randn(12, 40))
opt = torch.optim.Adam([*[p for p in model.parameters() if p.requires_grad], proxies], lr=3e-3)

with Inspector(model) as inspector:
    for step in range(50):
        x, c = motion(64)
        loss = proxy_loss(model(x), c, proxies)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
