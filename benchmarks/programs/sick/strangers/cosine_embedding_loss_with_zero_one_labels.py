"""CosineEmbeddingLoss wants labels +1 and -1 but gets 1 and 0; rows labelled 0 fall through both branches, so no pair is ever pushed apart.

expect: CD208
"""

import numpy as np
import torch
from sklearn.datasets import make_blobs
from torch import nn

from collapse_doctor import Inspector


def product_records(n_products=60, n=1400):
    """Offers of the same product from different shops, as feature vectors."""
    offers, product = make_blobs(
        n, n_features=22, centers=n_products, cluster_std=2.0, random_state=6
    )
    return (offers / 6).astype("float32"), product


def make_pairs(product, size, rng):
    left = rng.integers(len(product), size=size)
    right = np.empty_like(left)
    y = np.zeros(size, dtype="float32")  # fault
    for k, i in enumerate(left):
        if rng.random() < 0.5:
            right[k], y[k] = rng.choice(np.flatnonzero(product == product[i])), 1.0
        else:
            right[k] = rng.choice(np.flatnonzero(product != product[i]))
    return left, right, torch.from_numpy(y)


class OfferNet(nn.Module):
    def __init__(self, hidden=70, out=26):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(22, hidden) / 22**0.5)
        self.b1 = nn.Parameter(torch.zeros(hidden))
        self.w2 = nn.Parameter(torch.randn(hidden, out) / hidden**0.5)

    def forward(self, x):
        return torch.sigmoid(x @ self.w1 + self.b1).sub(0.5) @ self.w2


rng = np.random.default_rng(1)
torch.manual_seed(1)
offers, product = product_records()
offers = torch.from_numpy(offers)
net = OfferNet()
loss_fn = nn.CosineEmbeddingLoss(margin=0.2)
opt = torch.optim.Adam(net.parameters(), lr=4e-3)

with Inspector(net) as inspector:
    for step in range(60):
        i, j, y = make_pairs(product, 64, rng)
        loss = loss_fn(net(offers[i]), net(offers[j]), y)  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
