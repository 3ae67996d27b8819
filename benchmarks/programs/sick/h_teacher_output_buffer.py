"""A momentum teacher with one output buffer: the target of the second view overwrites the first's.

expect: CD109
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Momentum:
    """A slow copy that writes into a buffer, to save memory."""

    def __init__(self, net, batch, dim, m=0.98):
        self.net, self.m = copy.deepcopy(net).requires_grad_(False), m
        self.buffer = torch.empty(batch, dim)

    def __call__(self, x):
        self.buffer.copy_(self.net(x))  # fault
        return self.buffer  # fault

    def follow(self, net):
        for slow, fast in zip(self.net.parameters(), net.parameters()):
            slow.lerp_(fast.detach(), 1 - self.m)


factors = torch.randn(9, 32)
online = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 20))
predictor = nn.Sequential(nn.Linear(20, 40), nn.BatchNorm1d(40), nn.ReLU(), nn.Linear(40, 20))
momentum = Momentum(online, 64, 20)
opt = torch.optim.SGD([*online.parameters(), *predictor.parameters()], lr=0.05, momentum=0.9)

with Inspector({"online": online, "momentum": momentum.net}) as inspector:
    for _ in range(30):
        latent = torch.randn(64, 9)
        a = latent @ factors + 0.4 * torch.randn(64, 32)
        b = latent @ factors + 0.4 * torch.randn(64, 32)
        target_a = momentum(a)
        target_b = momentum(b)  # fault
        loss = -F.cosine_similarity(predictor(online(a)), target_b).mean()
        loss = loss - F.cosine_similarity(predictor(online(b)), target_a).mean()  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
        momentum.follow(online)
diagnosis = inspector.diagnose()
