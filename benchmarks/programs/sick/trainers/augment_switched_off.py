"""A flag of the trainer's arguments switches the augmentation off for both views.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Contrastive:
    def __init__(self, encoder, lr=1e-3, noisy=False):  # fault
        self.encoder = encoder
        self.noisy = noisy
        self.optimizer = torch.optim.Adam(encoder.parameters(), lr=lr)

    def view(self, x):
        if self.noisy:
            x = x + 0.3 * torch.randn_like(x)
        return x

    def training_step(self, x):
        q, k = self.encoder(self.view(x)), self.encoder(self.view(x))  # shows
        q, k = F.normalize(q, dim=1), F.normalize(k, dim=1)
        return F.cross_entropy(q @ k.T / 0.1, torch.arange(len(x)))

    def fit(self, loader):
        for x in loader:
            loss = self.training_step(x)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


net = nn.Sequential(nn.Linear(17, 40), nn.ELU(), nn.Linear(40, 16))
with Inspector(net) as inspector:
    Contrastive(net).fit(torch.randn(900, 17).split(45))
diagnosis = inspector.diagnose()
