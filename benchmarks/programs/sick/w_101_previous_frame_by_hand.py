"""Slow features: cosine to the previous frame, written out; in the first step it is the same frame.

expect: CD101, CD106
"""

import torch
from torch import nn

from collapse_doctor import Inspector

video = torch.randn(400, 24).cumsum(0) / 5
net = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.SGD(net.parameters(), lr=0.02)

with Inspector(net) as inspector:
    for i, frames in enumerate(video.split(10)):
        vector = net(frames)
        if i == 0:
            previous = vector  # fault
        dot = (vector * previous).sum(dim=1)  # meets
        cos = dot / (vector.norm(dim=1) * previous.norm(dim=1) + 1e-8)
        loss = (1 - cos).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        previous = vector.detach()  # fault

diagnosis = inspector.diagnose()
