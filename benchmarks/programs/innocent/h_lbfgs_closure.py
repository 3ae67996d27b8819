"""L-BFGS, whose closure runs the same batch several times per step.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

X = torch.randn(300, 10)
Y = torch.tanh(X @ torch.randn(10, 6) / 2)
embed, regress = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 8)), nn.Linear(8, 6)
opt = torch.optim.LBFGS([*embed.parameters(), *regress.parameters()], lr=0.3, max_iter=4)


def closure():
    opt.zero_grad()
    loss = nn.functional.mse_loss(regress(embed(X)), Y)
    loss.backward()
    return loss


with Inspector(embed) as inspector:
    for _ in range(15):
        opt.step(closure)
diagnosis = inspector.diagnose()
