"""z + (q - z).detach() and two losses with a detached side look like self-comparison, but q and z are different vectors.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Quantiser(nn.Module):
    def __init__(self, codes, dim, beta=0.25):
        super().__init__()
        self.book = nn.Embedding(codes, dim)
        self.beta = beta

    @torch.no_grad()
    def start_from(self, z):
        self.book.weight.copy_(z[torch.randperm(len(z))[: len(self.book.weight)]])

    def forward(self, z):
        index = torch.cdist(z, self.book.weight).argmin(dim=1)
        q = self.book(index)
        loss = F.mse_loss(q, z.detach()) + self.beta * F.mse_loss(z, q.detach())
        return z + (q - z).detach(), loss, index


class VQAE(nn.Module):
    def __init__(self, inputs=36, dim=12, codes=64):
        super().__init__()
        self.encode = nn.Sequential(
            nn.Linear(inputs, 72), nn.ReLU(), nn.Linear(72, dim), nn.BatchNorm1d(dim)
        )
        self.quantise = Quantiser(codes, dim)
        self.decode = nn.Sequential(nn.Linear(dim, 72), nn.ReLU(), nn.Linear(72, inputs))

    def forward(self, x):
        z = self.encode(x)
        q, codebook_loss, index = self.quantise(z)
        return self.decode(q), codebook_loss, index


def motifs(n, dictionary):
    part = torch.randint(0, 12, (n, 2))
    return dictionary[part].sum(1) + 0.1 * torch.randn(n, 36)


dictionary = torch.randn(12, 36)
model = VQAE()
model.quantise.start_from(model.encode(motifs(400, dictionary)))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
with Inspector({"encoder": model.encode}) as inspector:
    for step in range(60):
        x = motifs(160, dictionary)
        y, codebook_loss, index = model(x)
        loss = F.mse_loss(y, x) + codebook_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 12 == 0:
            print(step, round(loss.item(), 4), "codes used", index.unique().numel())
diagnosis = inspector.diagnose()
