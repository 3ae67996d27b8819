"""A vector-quantised autoencoder whose commitment and codebook losses each detach one of two different tensors.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


class VQ(nn.Module):
    def __init__(self, n_codes, dim):
        super().__init__()
        self.codebook = nn.Embedding(n_codes, dim)

    def forward(self, z):
        idx = torch.cdist(z, self.codebook.weight).argmin(1)
        q = self.codebook(idx)
        codebook_loss = F.mse_loss(q, z.detach())
        commitment = F.mse_loss(z, q.detach())
        return z + (q - z).detach(), codebook_loss + commitment, idx


class VQVAE(nn.Module):
    def __init__(self, d=8, codes=64):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 4 * d))
        self.vq = VQ(codes, d)
        self.dec = nn.Sequential(nn.Linear(4 * d, 96), nn.ReLU(), nn.Linear(96, 64))
        self.d = d

    def forward(self, x):
        z = self.enc(x)
        q, vq_loss, idx = self.vq(z.view(-1, self.d))
        return self.dec(q.view(len(x), -1)), vq_loss, idx


X = torch.tensor(load_digits().data / 16, dtype=torch.float32)
X = X - X.mean(0)
model = VQVAE()
warm = torch.optim.Adam([*model.enc.parameters(), *model.dec.parameters()], lr=3e-3)
for _ in range(150):  # first without quantisation
    x = X[torch.randint(len(X), (128,))]
    loss = F.mse_loss(model.dec(model.enc(x)), x)
    warm.zero_grad()
    loss.backward()
    warm.step()
with torch.no_grad():  # then start the codes on encodings of data
    z = model.enc(X).view(-1, model.d)
    model.vq.codebook.weight.copy_(z[torch.randperm(len(z))[:64]])
opt = torch.optim.Adam(model.parameters(), lr=1e-3)

with Inspector(model) as inspector:
    for step in range(80):
        x = X[torch.randint(len(X), (128,))]
        rec, vq_loss, idx = model(x)
        loss = F.mse_loss(rec, x) + vq_loss
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 20 == 0:
            print(
                step,
                f"{loss.item():.4f} reconstruction {F.mse_loss(rec, x).item():.4f} codes used {len(idx.unique())}",
            )
diagnosis = inspector.diagnose()
