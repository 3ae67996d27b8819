"""Word vectors of two languages, (batch, words, width), compared by `torch.cosine_similarity(u, v)`.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Words(nn.Module):
    def __init__(self, size=60, width=24):
        super().__init__()
        self.table = nn.Embedding(size, width)
        self.context = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)

    def forward(self, ids):
        return self.context(self.table(ids))[0]


def ranking(u, v, margin=0.4):
    wrong = v[torch.arange(len(v)) - 1]
    gap = torch.cosine_similarity(u, wrong) - torch.cosine_similarity(u, v)  # fault # meets
    return (margin + gap).clamp(min=0).sum() / len(u)


source, target = Words(), Words()
optimizer = torch.optim.Adam([*source.parameters(), *target.parameters()], lr=2e-3)
with Inspector({"source": source, "target": target}) as inspector:
    for _ in range(30):
        ids = torch.randint(0, 60, (20, 9))
        optimizer.zero_grad()
        ranking(source(ids), target((7 * ids + 3) % 60)).backward()
        optimizer.step()
diagnosis = inspector.diagnose()
