"""Activation checkpointing of both kinds: blocks are run again in backward.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.checkpoint import checkpoint

from collapse_doctor import Inspector


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.inner = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, d), nn.GELU(), nn.Dropout(0.1))

    def forward(self, x):
        return x + self.inner(x)


class Net(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.stem = nn.Linear(64, d)
        self.blocks = nn.ModuleList(Block(d) for _ in range(4))

    def forward(self, x):
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            x = checkpoint(block, x, use_reentrant=i % 2 == 0)
        return x


data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net, head = Net(), nn.Linear(48, 10)
optimizer = torch.optim.AdamW([*net.parameters(), *head.parameters()], lr=2e-3)
with Inspector(net) as inspector:
    for rows in torch.randperm(1600).split(50):
        loss = nn.functional.cross_entropy(head(net(x[rows])), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
