"""h[:, :-1] and h[:, 1:] overlap in memory but are shifted: every frame is compared with its successor.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class FrameNet(nn.Module):
    def __init__(self, pixels=60, dim=20):
        super().__init__()
        self.per_frame = nn.Sequential(nn.Linear(pixels, 90), nn.ReLU(), nn.Linear(90, dim))

    def forward(self, video):
        return self.per_frame(video)


def slow_features(h):
    """Slowness between neighbours, decorrelation and unit variance over everything (SFA)."""
    now, after = h[:, :-1], h[:, 1:]
    slow = F.mse_loss(now, after)
    flat = h.flatten(0, 1)
    flat = flat - flat.mean(0)
    cov = flat.T @ flat / (len(flat) - 1)
    return slow, (cov - torch.eye(len(cov))).pow(2).sum() / len(cov)


def videos(n, frames=12, lens=None):
    position = torch.randn(n, 1, 8) + 0.3 * torch.randn(n, frames, 8).cumsum(1)
    return torch.tanh(position @ lens) + 0.05 * torch.randn(n, frames, 60)


lens = torch.randn(8, 60) / 2
net = FrameNet()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector(net) as inspector:
    for step in range(50):
        slow, white = slow_features(net(videos(40, lens=lens)))
        loss = slow + white
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 10 == 0:
            print(step, f"slow {slow.item():.4f} white {white.item():.4f}")
diagnosis = inspector.diagnose()
