"""A triplet project: a miner embeds candidates under `no_grad` and hands back their places.

expect: healthy
"""

import logging

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import BatchSampler, DataLoader, TensorDataset

from benchmarks.programs.common import DIGITS, LABELS
from collapse_doctor import Inspector

log = logging.getLogger("triplets")


class BalancedBatches(BatchSampler):
    """Eight classes of six samples each."""

    def __init__(self, labels, classes=8, samples=6, batches=15):
        self.by_class = [np.flatnonzero(labels.numpy() == c) for c in range(10)]
        self.classes, self.samples, self.batches = classes, samples, batches

    def __len__(self):
        return self.batches

    def __iter__(self):
        for _ in range(self.batches):
            chosen = np.random.choice(10, self.classes, replace=False)
            picks = [np.random.choice(self.by_class[c], self.samples, False) for c in chosen]
            yield np.concatenate(picks).tolist()


class EmbeddingNet(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(64, 96), nn.PReLU(), nn.Linear(96, dim))

    def forward(self, x):
        return F.normalize(self.fc(x), p=2, dim=1)


class SemiHardMiner:
    def __init__(self, margin):
        self.margin = margin

    @torch.no_grad()
    def __call__(self, model, x, y):
        z = model(x)
        d = torch.cdist(z, z)
        same = y[:, None] == y[None]
        own = torch.eye(len(y), dtype=torch.bool)
        positive = d.masked_fill(~same | own, -1).argmax(1)
        d_pos = d.gather(1, positive[:, None])
        semi = ~same & (d > d_pos) & (d < d_pos + self.margin)
        hard = d.masked_fill(same, float("inf"))
        negative = torch.where(semi.any(1), d.masked_fill(~semi, 9).argmin(1), hard.argmin(1))
        return positive, negative


class Trainer:
    def __init__(self, margin=0.3, lr=1e-3):
        self.net = EmbeddingNet()
        self.boundary = nn.Parameter(torch.tensor(margin))
        held = [*self.net.parameters(), self.boundary]
        self.opt = torch.optim.Adam(held, lr=lr)
        self.sched = torch.optim.lr_scheduler.StepLR(self.opt, 2, 0.5)
        self.miner = SemiHardMiner(margin)
        self.best = 0.0

    def step(self, x, y):
        positive, negative = self.miner(self.net, x, y)
        z = self.net(x)
        a, p, n = z, z[positive], z[negative]
        gap = (a - p).pow(2).sum(1) - (a - n).pow(2).sum(1)
        loss = F.relu(gap + self.boundary).mean() + (self.boundary - 0.3).pow(2)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.item(), gap.lt(0).float().mean().item()

    def fit(self, loader, epochs):
        for epoch in range(epochs):
            for x, y in loader:
                loss, right = self.step(x, y)
            self.sched.step()
            recall = self.recall(DIGITS[-300:], LABELS[-300:])
            if recall > self.best:
                self.best, self.weights = (
                    recall,
                    {k: v.clone() for k, v in self.net.state_dict().items()},
                )
            log.info("epoch %d loss %.4f right %.2f recall %.3f", epoch, loss, right, recall)

    @torch.no_grad()
    def recall(self, x, y):
        self.net.eval()
        z = self.net(x)
        near = torch.cdist(z, z).fill_diagonal_(9).argmin(1)
        self.net.train()
        return (y[near] == y).float().mean().item()


data = TensorDataset(DIGITS[:-300], LABELS[:-300])
trainer = Trainer()
with Inspector(trainer.net) as inspector:
    trainer.fit(DataLoader(data, batch_sampler=BalancedBatches(LABELS[:-300])), 4)
diagnosis = inspector.diagnose()
