"""Multi-view tensor stacked from one view twice; unbound again, the two are equal copies.

expect: CD104
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class MultiView(nn.Module):
    def __init__(self):
        super().__init__()
        self.front = nn.Linear(15, 48)
        self.side = nn.Linear(15, 48)
        self.shared = nn.Sequential(nn.ReLU(), nn.Linear(48, 20))

    def forward(self, front, side):
        a = self.shared(self.front(front))
        b = self.shared(self.side(side))
        return torch.stack((a, a))  # fault


def vicreg(views):
    u, v = views.unbind(0)
    invariance = nn.functional.mse_loss(u, v)  # meets
    variance = sum(torch.relu(1 - w.std(0)).mean() for w in (u, v))
    centred = u - u.mean(0)
    cov = centred.T @ centred / (len(u) - 1)
    return 10 * invariance + 10 * variance + (cov - cov.diag().diag()).pow(2).sum() / 20


net = MultiView()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
shape = torch.randn(7, 15), torch.randn(7, 15)
with Inspector(net) as inspector:
    for _ in range(25):
        latent = torch.randn(64, 7)
        loss = vicreg(net(*(latent @ m + 0.1 * torch.randn(64, 15) for m in shape)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
