"""Deep hashing puts torch.sign between network and likelihood; its derivative is zero everywhere, so the hash layer never learns.

expect: CD201
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

rng = np.random.default_rng(3)
digits = load_digits()
X = torch.from_numpy((digits.images / 16.0).astype(np.float32)).unsqueeze(1)
Y = torch.from_numpy(digits.target)


def hash_net(bits):
    return nn.Sequential(
        nn.Conv2d(1, 16, 3),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 16, 96),
        nn.ReLU(),
        nn.Linear(96, bits),
        nn.BatchNorm1d(bits),
    )


def pairwise_nll(codes, labels):
    """DPSH: theta = 1/2 <b_i, b_j>, similar pairs should have a large theta."""
    theta = 0.5 * codes @ codes.T  # meets
    similar = (labels[:, None] == labels[None, :]).float()
    nll = nn.functional.softplus(theta) - similar * theta
    off = ~torch.eye(len(codes), dtype=torch.bool)
    return nll[off].mean()


bits = 24
net = hash_net(bits)
bias = nn.Parameter(torch.zeros(1))
opt = torch.optim.RMSprop([{"params": net.parameters()}, {"params": [bias], "lr": 1e-2}], lr=5e-4)

with Inspector(net) as inspector:
    for it in range(45):
        idx = rng.choice(len(X), 50, replace=False)
        h = net(X[idx])
        codes = torch.sign(h + bias)  # fault
        loss = pairwise_nll(codes, Y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
