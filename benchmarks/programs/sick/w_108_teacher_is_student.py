"""BYOL where the target network was assigned, not copied.

expect: CD108
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class BYOL(nn.Module):
    def __init__(self, net, dim, tau=0.99):
        super().__init__()
        self.online = net
        self.target = net  # fault
        self.predictor = nn.Sequential(nn.Linear(dim, 32), nn.ReLU(), nn.Linear(32, dim))
        self.tau = tau

    @torch.no_grad()
    def update_target(self):
        for t, o in zip(self.target.parameters(), self.online.parameters(), strict=True):
            t.mul_(self.tau).add_(o, alpha=1 - self.tau)

    def forward(self, x1, x2):
        p1, p2 = self.predictor(self.online(x1)), self.predictor(self.online(x2))
        with torch.no_grad():
            t1, t2 = self.target(x1), self.target(x2)
        cos = F.cosine_similarity(p1, t2).mean() + F.cosine_similarity(p2, t1).mean()
        return 2 - cos


net = nn.Sequential(nn.Linear(30, 60), nn.BatchNorm1d(60), nn.ReLU(), nn.Linear(60, 20))
byol = BYOL(net, 20)
optimizer = torch.optim.Adam([*byol.online.parameters(), *byol.predictor.parameters()], lr=1e-3)
mixing = torch.randn(15, 30)

with Inspector({"online": byol.online, "target": byol.target}) as inspector:
    for _ in range(35):
        x = torch.randn(64, 15) @ mixing
        loss = byol(x + 0.5 * torch.randn_like(x), x + 0.5 * torch.randn_like(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        byol.update_target()

diagnosis = inspector.diagnose()
