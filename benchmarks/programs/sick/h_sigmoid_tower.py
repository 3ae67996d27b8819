"""Fourteen sigmoid layers without normalisation: nothing reaches the lower ones.

expect: CD203
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)


def tower(depth):
    layers = [nn.Linear(64, 48), nn.Sigmoid()]
    for _ in range(depth - 2):
        layers.extend((nn.Linear(48, 48), nn.Sigmoid()))  # fault
    return nn.Sequential(*layers, nn.Linear(48, 24))


net = tower(14)  # fault
head = nn.Linear(24, 10)
opt = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.1)
with Inspector(net) as inspector:
    for _ in range(40):
        i = torch.randint(0, len(X), (64,))
        loss = nn.functional.cross_entropy(head(net(X[i])), Y[i])
        opt.zero_grad()
        loss.backward()  # shows
        opt.step()
diagnosis = inspector.diagnose()
