"""The consistency target comes from self.model instead of self.ema under no_grad, on the same tokens.

expect: CD103
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

VOCAB, CLASSES, PAD = 300, 6, 0


class BagEncoder(nn.Module):
    def __init__(self, dim=44):
        super().__init__()
        self.table = nn.Embedding(VOCAB, 64, padding_idx=PAD)
        self.proj = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, dim))
        self.label = nn.Linear(dim, CLASSES)

    def forward(self, ids):
        mask = (ids != PAD).unsqueeze(-1).float()
        pooled = (self.table(ids) * mask).sum(1) / mask.sum(1)
        return self.proj(pooled)


class SemiSupervised:
    def __init__(self, model, decay=0.97):
        self.model = model
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay
        self.opt = torch.optim.Adam(model.parameters(), lr=5e-3)

    def consistency(self, ids):
        student = self.model(ids)
        with torch.no_grad():
            teacher = self.model(ids)  # fault
        return F.mse_loss(student, teacher)  # meets

    @torch.no_grad()
    def update_teacher(self):
        for slow, fast in zip(self.ema.parameters(), self.model.parameters()):
            slow.mul_(self.decay).add_(fast, alpha=1 - self.decay)

    def fit_batch(self, labelled, y, unlabelled):
        loss = F.cross_entropy(self.model.label(self.model(labelled)), y)
        loss = loss + 3.0 * self.consistency(unlabelled)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        self.update_teacher()
        return loss.item()


def sentences(n):
    y = torch.randint(0, CLASSES, (n,))
    topical = 1 + y[:, None] * 40 + torch.randint(0, 40, (n, 16))
    ids = torch.where(torch.rand(n, 16) < 0.5, topical, torch.randint(1, VOCAB, (n, 16)))
    length = torch.randint(6, 17, (n, 1))
    return ids.masked_fill(torch.arange(16)[None] >= length, PAD), y


learner = SemiSupervised(BagEncoder())
with Inspector(learner.model) as inspector:
    for step in range(40):
        (ids, y), (pool, _) = sentences(24), sentences(64)
        value = learner.fit_batch(ids, y, pool)
        if step % 10 == 9:
            print(f"{step + 1}: {value:.4f}")
diagnosis = inspector.diagnose()
