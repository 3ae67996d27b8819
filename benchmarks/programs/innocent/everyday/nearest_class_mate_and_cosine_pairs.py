"""Positives are looked up in the same batch of embeddings, with the sample itself left out of the search.

expect: healthy
"""

import numpy as np
import torch
from torch import nn

from collapse_doctor import Inspector

rng = np.random.default_rng(5)
nodes, feats, communities = 240, 32, 8
member = np.repeat(np.arange(communities), nodes // communities)
p = np.where(member[:, None] == member[None], 0.25, 0.01)
adj = np.triu(rng.random((nodes, nodes)) < p, 1)
adj = (adj | adj.T).astype(np.float32) + np.eye(nodes, dtype=np.float32)
deg = adj.sum(1)
A = torch.from_numpy(adj / np.sqrt(deg[:, None] * deg[None]))
H = torch.from_numpy(
    (
        np.eye(communities)[member] @ rng.normal(size=(communities, feats))
        + 1.5 * rng.normal(size=(nodes, feats))
    ).astype(np.float32)
)
label = torch.from_numpy(member)


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1, self.w2 = nn.Linear(feats, 48), nn.Linear(48, 16)

    def forward(self, a, h):
        h = torch.relu(a @ self.w1(h))
        return a @ self.w2(h) + 0.5 * self.w2(h)


def pairs(z, y):
    with torch.no_grad():
        cos = torch.nn.functional.normalize(z, dim=1)
        cos = cos @ cos.T
        cos.fill_diagonal_(-np.inf)
        same = y[:, None] == y[None]
        i_pos = cos.masked_fill(~same, -np.inf).argmax(1)
        i_neg = cos.masked_fill(same, -np.inf).argmax(1)
    return z[i_pos], z[i_neg]


gcn = GCN()
loss_fn = nn.CosineEmbeddingLoss(margin=0.3)
opt = torch.optim.Adam(gcn.parameters(), lr=5e-3, weight_decay=5e-4)
one = torch.ones(120)

with Inspector(gcn) as inspector:
    for step in range(60):
        z = gcn(A, H)
        batch = torch.randperm(nodes)[:120]
        anchor, y = z[batch], label[batch]
        pos, neg = pairs(anchor, y)
        loss = loss_fn(anchor, pos, one) + loss_fn(anchor, neg, -one)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 12 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
