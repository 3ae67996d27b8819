"""Anisotropy: hidden states share a large mean, as those of language models do; no bug.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class TokenModel(nn.Module):
    def __init__(self, vocab=60, d=48):
        super().__init__()
        self.emb = nn.Embedding(vocab, d)
        self.mix = nn.Sequential(nn.Linear(2 * d, 96), nn.GELU(), nn.Linear(96, d))
        nn.init.constant_(self.mix[2].bias, 1.0)
        self.out = nn.Linear(d, vocab)

    def forward(self, ids):
        return self.mix(self.emb(ids).flatten(1))


rule = torch.randint(0, 60, (60, 60))
model = TokenModel()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
with Inspector(model) as inspector:
    for _ in range(55):
        ids = torch.randint(0, 60, (128, 2))
        loss = nn.functional.cross_entropy(
            model.out(model(ids)), rule[ids[:, 0] % 12, ids[:, 1] % 12]
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
