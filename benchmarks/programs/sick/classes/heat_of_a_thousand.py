"""A contrastive criterion whose temperature comes from the command line: 1000 for 0.1.

expect: CD207
first: gradual
"""

import argparse

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def arguments(words=()):
    parser = argparse.ArgumentParser()
    parser.add_argument("--temperature", type=float, default=1000.0)  # fault
    parser.add_argument("--epochs", type=int, default=60)
    return parser.parse_args(list(words))


class NTXent(nn.Module):
    def __init__(self, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, a, b):
        logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / self.temperature  # shows
        return F.cross_entropy(logits, torch.arange(len(a)))


args = arguments()
encoder = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 20))
criterion = NTXent(args.temperature)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for _ in range(args.epochs):
        x = torch.randn(64, 30)
        loss = criterion(
            encoder(x + 0.1 * torch.randn_like(x)), encoder(x + 0.1 * torch.randn_like(x))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
