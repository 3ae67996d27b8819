"""Deep CCA: the nuclear norm of the whitened cross-covariance of two networks, halves of a picture.

expect: healthy
"""

import torch

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


def inv_sqrt(m):
    w, v = torch.linalg.eigh(m)
    return v @ torch.diag(w.clamp(min=1e-6).rsqrt()) @ v.T


def cca_loss(h1, h2, r=1e-3):
    n, k = h1.shape
    h1, h2 = h1 - h1.mean(0), h2 - h2.mean(0)
    s11 = h1.T @ h1 / (n - 1) + r * torch.eye(k, dtype=h1.dtype)
    s22 = h2.T @ h2 / (n - 1) + r * torch.eye(k, dtype=h1.dtype)
    t = inv_sqrt(s11) @ (h1.T @ h2 / (n - 1)) @ inv_sqrt(s22)
    return -torch.linalg.svdvals(t).sum()


left, right = mlp(32, 64, 6, act=torch.nn.Sigmoid).double(), mlp(32, 64, 6).double()
opt = torch.optim.RMSprop([*left.parameters(), *right.parameters()], lr=1e-3)
with Inspector({"left": left, "right": right}) as inspector:
    for x, _ in batches(200, 200):
        x = x.double()
        loss = cca_loss(left(x[:, :32]), right(x[:, 32:]))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
