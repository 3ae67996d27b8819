"""Dense features, channels last: the map of the flipped picture is flipped back.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.Conv2d(16, 12, 3, padding=1)
).to(memory_format=torch.channels_last)
decoder = nn.Conv2d(12, 1, 1)


def mirrored(image_or_map):
    return torch.flip(image_or_map, dims=[-1])


optimizer = torch.optim.SGD([*net.parameters(), *decoder.parameters()], lr=0.05)
with Inspector(net) as inspector:
    for x, _ in batches(20):
        image = augment(x).view(-1, 1, 8, 8).contiguous(memory_format=torch.channels_last)
        straight = net(image)
        turned = mirrored(net(mirrored(image)))
        dense = F.smooth_l1_loss(straight, turned)
        loss = F.mse_loss(decoder(straight), image) + dense
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
