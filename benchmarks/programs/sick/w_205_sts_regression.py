"""Sentence similarity regressed on gold scores: cosines of shape (B,) minus scores of shape (B, 1).

expect: CD205
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class SBert(nn.Module):
    def __init__(self, vocab=500, dim=32):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim, padding_idx=0)
        self.gru = nn.GRU(dim, dim, batch_first=True)

    def forward(self, ids):
        states, _ = self.gru(self.emb(ids))
        mask = (ids > 0).unsqueeze(-1)
        return (states * mask).sum(1) / mask.sum(1)


def batches(count):
    for _ in range(count):
        first = torch.randint(1, 500, (24, 8))
        keep = torch.rand(24, 1)
        second = torch.where(torch.rand(24, 8) < keep, first, torch.randint(1, 500, (24, 8)))
        yield first, second, keep  # fault


model = SBert()
cosine = nn.CosineSimilarity()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
with Inspector(model) as inspector:
    for first, second, score in batches(30):
        predicted = cosine(model(first), model(second))
        loss = ((predicted - score) ** 2).mean()  # meets # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
