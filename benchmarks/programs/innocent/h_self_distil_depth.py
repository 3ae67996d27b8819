"""Self-distillation: the shallow exit learns from the detached deep exit of the same pass.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Exits(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.high = nn.Sequential(nn.Linear(64, 64), nn.GELU())
        self.exit1, self.exit2 = nn.Linear(64, 10), nn.Linear(64, 10)

    def forward(self, x):
        h = self.low(x)
        return self.exit1(h), self.exit2(self.high(h))


X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)
net = Exits()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector({"net": net, "high": net.high}) as inspector:
    for _ in range(45):
        i = torch.randint(0, len(X), (64,))
        early, late = net(X[i])
        soft = (late.detach() / 2).softmax(1)
        loss = F.cross_entropy(early, Y[i]) + F.cross_entropy(late, Y[i])
        loss = loss + F.kl_div((early / 2).log_softmax(1), soft, reduction="batchmean")
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
