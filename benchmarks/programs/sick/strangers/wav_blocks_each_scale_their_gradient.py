"""feature_grad_mult=0.1 was meant once for the whole feature extractor, but every one of its seven blocks applies it, so the lower ones get 1e-7.

expect: CD203
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class GradMultiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.scale, None


class ConvBlock(nn.Module):
    def __init__(self, cin, cout, k, stride):
        super().__init__()
        self.conv = nn.Conv1d(cin, cout, k, stride=stride, padding=k // 2, bias=False)
        self.norm = nn.GroupNorm(4, cout)

    def forward(self, x):
        return F.gelu(self.norm(self.conv(x)))


class WavEncoder(nn.Module):
    def __init__(self, grad_mult=0.1, width=24, dim=32):
        super().__init__()
        spec = [(1, 9, 4)] + [(width, 3, 2)] * 3 + [(width, 3, 1)] * 3
        self.blocks = nn.ModuleList(ConvBlock(cin, width, k, s) for cin, k, s in spec)
        self.project = nn.Sequential(nn.BatchNorm1d(2 * width), nn.Linear(2 * width, dim))
        self.grad_mult = grad_mult

    def forward(self, wav):
        h = wav.unsqueeze(1)
        for block in self.blocks:
            h = GradMultiply.apply(block(h), self.grad_mult)  # fault
        return self.project(torch.cat([h.mean(-1), h.std(-1)], dim=1))


def utterances(n, length=640):
    f0 = torch.empty(n, 1).uniform_(0.02, 0.5)
    tilt = torch.rand(n, 1)
    time = torch.arange(length)

    def take():
        shift = torch.rand(n, 1) * 100
        voice = torch.sin(f0 * (time + shift)) + tilt * torch.sin(2.7 * f0 * (time + shift))
        return voice + 0.2 * torch.randn(n, length)

    return take(), take()


encoder = WavEncoder()
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.03, momentum=0.9)

with Inspector(encoder) as inspector:
    for update in range(40):
        a, b = utterances(32)
        za, zb = F.normalize(encoder(a), dim=1), F.normalize(encoder(b), dim=1)
        logits = torch.einsum("id,jd->ij", za, zb) / 0.2
        loss = F.cross_entropy(logits, torch.arange(32))  # meets
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
