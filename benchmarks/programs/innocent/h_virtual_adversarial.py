"""Virtual adversarial training: prediction and perturbed prediction of the same input.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
        self.out = nn.Linear(24, 10)

    def forward(self, x):
        return self.out(torch.relu(self.features(x)))


def vat(net, x, logits, radius=0.3, xi=0.05):
    target = logits.detach().softmax(1)
    d = F.normalize(torch.randn_like(x), dim=1).requires_grad_()
    kl = F.kl_div(net(x + xi * d).log_softmax(1), target, reduction="batchmean")
    (g,) = torch.autograd.grad(kl, d)
    return F.kl_div(
        net(x + radius * F.normalize(g, dim=1)).log_softmax(1), target, reduction="batchmean"
    )


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector({"net": net, "features": net.features}) as inspector:
    for _ in range(45):
        i = torch.randint(0, len(X), (64,))
        logits = net(X[i])
        loss = F.cross_entropy(logits, Y[i]) + vat(net, X[i], logits)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
