"""After 20 easy steps the trainer turns to hardest positives and hardest negatives at a fierce rate: everything shrinks together, loss log 2.

expect: CD207
first: gradual
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def stage(step):
    """(mining, learning rate) of this step."""
    if step < 20:
        return "random", 0.02
    return "hardest", 0.2  # fault


class Spectrogram(nn.Module):
    def __init__(self, bins=24, dim=16):
        super().__init__()
        self.inner = nn.Linear(bins, 64)
        self.outer = nn.Linear(64, dim)

    def forward(self, mag):
        return self.outer(F.elu(self.inner(mag)).mean(dim=1))


def rotors(kinds, per_kind, model_hz):
    label = torch.arange(kinds).repeat_interleave(per_kind)
    mag = model_hz[label].unsqueeze(1) + 2.5 * torch.randn(len(label), 8, 24)
    return mag, label


def pick(dist, label, mining):
    same = label[:, None] == label[None]
    own = torch.eye(len(label), dtype=torch.bool)
    noise = torch.rand_like(dist) if mining == "random" else dist.detach()
    p = noise.masked_fill(~same | own, -math.inf).argmax(1)
    n = noise.masked_fill(same, math.inf).argmin(1)
    row = torch.arange(len(label))
    return dist[row, p], dist[row, n]


torch.manual_seed(0)
model_hz = 0.4 * torch.randn(7, 24)
net = Spectrogram()
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.5)

with Inspector(net) as inspector:
    for step in range(80):
        mining, lr = stage(step)
        opt.param_groups[0]["lr"] = lr
        mag, label = rotors(7, 5, model_hz)
        z = net(mag)
        dist = (z.unsqueeze(1) - z.unsqueeze(0)).pow(2).sum(-1)
        d_p, d_n = pick(dist, label, mining)
        loss = F.softplus(d_p - d_n).mean()  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
