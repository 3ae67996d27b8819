"""ColBERT: late interaction of token vectors; those of padding are zeroed by the mask, in-batch negatives.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

VOCAB = 150


class ColBERT(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, 48, padding_idx=0)
        self.mix = nn.TransformerEncoderLayer(48, 4, 64, 0.0, batch_first=True)
        self.proj = nn.Linear(48, d, bias=False)

    def forward(self, ids):
        keep = ids != 0
        h = self.mix(self.emb(ids), src_key_padding_mask=~keep)
        return F.normalize(self.proj(h), dim=-1) * keep[..., None]


def pairs(n):
    doc = torch.randint(1, VOCAB, (n, 12))
    lengths = torch.randint(5, 13, (n,))
    doc = doc * (torch.arange(12) < lengths[:, None])
    query = doc[:, :4].clone()
    query[:, 3] = torch.where(torch.rand(n) < 0.5, 0, query[:, 3])
    return query, doc


model = ColBERT()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for _ in range(150):
        query, doc = pairs(24)
        q, d = model(query), model(doc)
        scores = torch.einsum("qmh,dnh->qdmn", q, d).amax(-1).sum(-1)
        loss = F.cross_entropy(4 * scores, torch.arange(24))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
