"""A system whose ``training_step`` calls its networks; the second view is the first, detached.

expect: CD103
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class System(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(64, 32))

    def represent(self, x):
        return self.projector(self.encoder(x))

    def training_step(self, batch):
        first = batch + 0.1 * torch.randn_like(batch)
        online = self.represent(first)
        target = online.detach()  # fault
        return 2 - 2 * F.cosine_similarity(online, target, dim=-1).mean()


X = torch.tensor(load_digits().data).float() / 16
system = System()
opt = torch.optim.Adam(system.parameters(), 1e-3)
with Inspector(system) as inspector:
    for _ in range(60):
        opt.zero_grad()
        loss = system.training_step(X[torch.randint(len(X), (64,))])
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
