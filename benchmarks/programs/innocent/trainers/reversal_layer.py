"""Domain adaptation through a custom Function that turns the gradient round.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.autograd import Function

from collapse_doctor import Inspector


class Reverse(Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.alpha = alpha
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return -ctx.alpha * g, None


X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)


class DANN(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU())
        self.c, self.d = (
            nn.Linear(50, 10),
            nn.Sequential(nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 2)),
        )

    def forward(self, x, alpha):
        f = self.f(x)
        return self.c(f), self.d(Reverse.apply(f, alpha)), f


net = DANN()
opt = torch.optim.SGD(net.parameters(), 0.003, momentum=0.9)
ce = nn.CrossEntropyLoss()
with Inspector(net) as inspector:
    for k in range(200):
        alpha = 2 / (1 + 2.718 ** (-10 * k / 200)) - 1
        i, j = torch.randint(len(X), (2, 40))
        cs, ds, _ = net(X[i], alpha)
        _, dt, _ = net(1 - X[j] + 0.1 * torch.randn(40, 64), alpha)
        loss = ce(cs, y[i]) + ce(ds, torch.zeros(40).long()) + ce(dt, torch.ones(40).long())
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
