"""The online probe that starts in the third epoch detaches the features under their own name, so the contrastive loss after it gets the detached ones.

expect: CD201
first: 20
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

PROBE_FROM_EPOCH = 2


class LitSupCon(nn.Module):
    def __init__(self, lr=0.02, tau=0.15):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ELU(), nn.Linear(128, 36)
        )
        self.probe = nn.Linear(36, 10)
        self.tau, self.lr = tau, lr
        self.current_epoch = 0

    def forward(self, x):
        return self.backbone(x)

    def supcon(self, z, y):
        z = F.normalize(z, dim=1)
        eye = torch.eye(len(z), dtype=torch.bool)
        logits = (z @ z.T / self.tau).masked_fill(eye, -1e9)  # meets
        log_p = logits.log_softmax(dim=1)
        pos = (y[:, None] == y[None]) & ~eye
        return -(log_p * pos).sum(1).div(pos.sum(1).clamp(min=1)).mean()

    def training_step(self, batch):
        x, y = batch
        z = self(x + 0.1 * torch.randn_like(x))
        total = 0.0
        if self.current_epoch >= PROBE_FROM_EPOCH:
            z = z.detach()  # fault
            total = total + F.cross_entropy(self.probe(z), y)
        return total + self.supcon(z, y)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)


X, Y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32) / 8 - 1
Y = torch.tensor(Y)
lit = LitSupCon()
optimizer = lit.configure_optimizers()

with Inspector(lit.backbone) as inspector:
    for epoch in range(5):
        lit.current_epoch = epoch
        order = torch.randperm(len(X))[:640].split(64)
        for idx in order:
            loss = lit.training_step((X[idx], Y[idx]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
