"""MoCo: keys come without gradient from a momentum copy and negatives from a queue of earlier steps, which looks like a cut graph but is the method.

expect: healthy
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


class MoCo(nn.Module):
    def __init__(self, encoder, dim=32, K=384, m=0.9, T=0.2):
        super().__init__()
        self.encoder_q = encoder
        self.encoder_k = copy.deepcopy(encoder).requires_grad_(False)
        self.register_buffer("queue", F.normalize(torch.randn(dim, K), dim=0))
        self.ptr, self.K, self.m, self.T = 0, K, m, T

    @torch.no_grad()
    def update_keys(self):
        for q, k in zip(self.encoder_q.parameters(), self.encoder_k.parameters()):
            k.mul_(self.m).add_(q, alpha=1 - self.m)

    @torch.no_grad()
    def enqueue(self, keys):
        n = len(keys)
        self.queue[:, self.ptr : self.ptr + n] = keys.T
        self.ptr = (self.ptr + n) % self.K

    def forward(self, im_q, im_k):
        q = F.normalize(self.encoder_q(im_q), dim=1)
        with torch.no_grad():
            self.update_keys()
            k = F.normalize(self.encoder_k(im_k), dim=1)
        l_pos = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
        l_neg = torch.einsum("nc,ck->nk", q, self.queue.clone())
        logits = torch.cat([l_pos, l_neg], dim=1) / self.T
        self.enqueue(k)
        return logits, torch.zeros(len(q), dtype=torch.long)


def view(x):
    x = x + 0.2 * torch.randn_like(x)
    return torch.roll(x, int(torch.randint(-1, 2, ())), dims=3)


torch.manual_seed(3)
images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 8 - 1
images = images - images.mean(0)
net = nn.Sequential(
    nn.Conv2d(1, 24, 3, stride=2, padding=1),
    nn.LeakyReLU(0.1),
    nn.Flatten(),
    nn.Linear(384, 96),
    nn.BatchNorm1d(96),
    nn.LeakyReLU(0.1),
    nn.Linear(96, 32),
)
moco = MoCo(net)
opt = torch.optim.SGD(moco.encoder_q.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)

with Inspector({"query": moco.encoder_q, "key": moco.encoder_k}) as inspector:
    for step in range(60):
        x = images[torch.randperm(len(images))[:64]]
        logits, labels = moco(view(x), view(x))
        loss = F.cross_entropy(logits, labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
