"""A linear autoencoder of three dimensions, as PCA by gradient descent, full batch.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

x = torch.tensor(load_digits().data, dtype=torch.float32)
x = (x - x.mean(0)) / 10


class PCA(nn.Module):
    def __init__(self, d, k):
        super().__init__()
        self.down = nn.Linear(d, k, bias=False)

    def forward(self, x):
        code = self.down(x)
        return code @ self.down.weight, code


pca = PCA(64, 3)
opt = torch.optim.Adagrad(pca.parameters(), lr=0.05)
with Inspector(pca) as inspector:
    for i in range(300):
        rec, code = pca(x)
        loss = (rec - x).square().sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
