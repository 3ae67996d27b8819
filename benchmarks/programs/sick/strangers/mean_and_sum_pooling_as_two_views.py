"""Mean-pooled and sum-pooled token vectors are used as two views, but each sum is only its mean times the length.

expect: CD105
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def make_reviews(n, max_len=22, aspects=9):
    aspect = torch.randint(0, aspects, (n,))
    lengths = torch.randint(8, max_len + 1, (n,))
    ids = 1 + aspect[:, None] * 30 + torch.randint(0, 30, (n, max_len))
    mix = 1 + torch.randint(0, aspects * 30, (n, max_len))
    ids = torch.where(torch.rand(n, max_len) < 0.4, mix, ids)
    mask = torch.arange(max_len)[None, :] < lengths[:, None]
    return ids * mask, mask, aspect


class Pooling(nn.Module):
    def __init__(self, modes):
        super().__init__()
        self.modes = modes

    def forward(self, tokens, mask):
        weights = mask.unsqueeze(-1).to(tokens.dtype)
        total = (tokens * weights).sum(dim=1)
        pooled = {"mean": total / weights.sum(dim=1), "sum": total}
        return [pooled[m] for m in self.modes]


class ReviewEncoder(nn.Module):
    def __init__(self, vocab=271, width=56):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.query = nn.Linear(width, width)
        self.ffn = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.pool = Pooling(["mean", "sum"])  # fault
        self.aspect = nn.Linear(width, 9)

    def forward(self, ids, mask):
        h = self.embed(ids)
        att = torch.einsum("bqd,bkd->bqk", self.query(h), h) / h.shape[-1] ** 0.5
        att = att.masked_fill(~mask[:, None], -1e9).softmax(-1)
        h = h + att @ h
        return self.pool(h + self.ffn(h), mask)


def cosine_pairs(u, v, margin=0.3):
    same = F.cosine_embedding_loss(u, v, torch.ones(len(u)))  # meets
    other = F.cosine_embedding_loss(u, v.flip(0), -torch.ones(len(u)), margin=margin)
    return same + other


encoder = ReviewEncoder()
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for it in range(40):
        ids, mask, aspect = make_reviews(46)
        first, second = encoder(ids, mask)
        loss = cosine_pairs(first, second) + 0.5 * F.cross_entropy(encoder.aspect(first), aspect)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if it % 10 == 0:
            print(it, loss.item())
diagnosis = inspector.diagnose()
