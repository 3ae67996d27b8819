"""Batch-hard triplets with a learning rate far too high: before long all people get one vector and the loss stands at the margin.

expect: CD207
first: gradual
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector

MARGIN = 0.5
LR = 2.0  # fault


class ReIdNet(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.LeakyReLU(0.2),
            nn.AdaptiveAvgPool2d((3, 1)),
            nn.Flatten(),
        )
        self.fc = nn.Linear(96, dim)

    def forward(self, x):
        return self.fc(self.conv(x))


def pk_batch(bodies, P=9, K=4):
    ids = torch.randperm(len(bodies))[:P].repeat_interleave(K)
    return bodies[ids] + 0.8 * torch.randn(len(ids), 3, 24, 12), ids


def batch_hard(emb, ids):
    dist = (emb[:, None] - emb[None]).pow(2).sum(-1)
    same = ids[:, None] == ids[None]
    hardest_pos = dist.masked_fill(~same, 0).amax(1)
    hardest_neg = dist.masked_fill(same, 1e6).amin(1)
    return torch.relu(hardest_pos - hardest_neg + MARGIN).mean()  # meets


torch.manual_seed(8)
bodies = 0.4 + 0.4 * torch.randn(40, 3, 24, 12)
net = ReIdNet()
opt = torch.optim.SGD(net.parameters(), lr=LR)  # shows

with Inspector(net) as inspector:
    for step in range(75):
        images, ids = pk_batch(bodies)
        loss = batch_hard(net(images), ids)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
