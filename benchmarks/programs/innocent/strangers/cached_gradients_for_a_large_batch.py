"""GradCache by hand: embed all chunks under no_grad, take the loss gradient at the embeddings, then run the chunks again with gradient.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

torch.manual_seed(15)


class Text(nn.Module):
    def __init__(self, vocab=260, dim=44):
        super().__init__()
        self.emb = nn.EmbeddingBag(vocab, dim, mode="mean")
        self.mlp = nn.Sequential(nn.Linear(dim, dim * 2), nn.GELU(), nn.Linear(dim * 2, dim))

    def forward(self, ids):
        e = self.emb(ids)
        return e + self.mlp(e)


def contrastive(q, p):
    q, p = F.normalize(q, dim=-1), F.normalize(p, dim=-1)
    return F.cross_entropy(q @ p.T * 15, torch.arange(len(q)))


def cached_step(model, queries, passages, chunk=32):
    """One backward of a batch that would not fit in memory."""
    with torch.no_grad():
        q = torch.cat([model(c) for c in queries.split(chunk)])
        p = torch.cat([model(c) for c in passages.split(chunk)])
    q, p = q.requires_grad_(), p.requires_grad_()
    loss = contrastive(q, p)
    gq, gp = torch.autograd.grad(loss, (q, p))
    for ids, grads in ((queries, gq), (passages, gp)):
        for c, g in zip(ids.split(chunk), grads.split(chunk)):
            surrogate = (model(c) * g).sum()
            surrogate.backward()
    return loss.item()


def corpus(n=128, subjects=65):
    s = torch.randint(subjects, (n, 1)) * 4
    ask = s + torch.randint(0, 4, (n, 5))
    noise = torch.randint(0, 260, (n, 3))
    return torch.cat([ask, torch.randint(0, 260, (n, 1))], 1), torch.cat(
        [s + torch.randint(0, 4, (n, 6)), noise], 1
    )


model = Text()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
with Inspector(model) as inspector:
    for step in range(30):
        opt.zero_grad()
        cached_step(model, *corpus())
        opt.step()
diagnosis = inspector.diagnose()
