"""Low-rank adapters, whose second factor starts at zero, in a frozen transformer; in-batch negatives.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

VOCAB, PAD = 120, 0


class LoRA(nn.Module):
    def __init__(self, base, r=4, alpha=8):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(r, base.in_features) / r)
        self.B = nn.Parameter(torch.zeros(base.out_features, r))
        self.scale = alpha / r

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.A.T) @ self.B.T


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.o = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ff = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x, mask):
        q, k, v = self.qkv(self.n1(x)).chunk(3, -1)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, :])
        x = x + self.o(a)
        return x + self.ff(self.n2(x))


class SentenceEncoder(nn.Module):
    def __init__(self, d=48, depth=3):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, d, padding_idx=PAD)
        self.blocks = nn.ModuleList(Block(d) for _ in range(depth))
        self.norm = nn.LayerNorm(d)

    def forward(self, ids):
        mask = ids != PAD
        x = self.tok(ids)
        for b in self.blocks:
            x = b(x, mask)
        x = self.norm(x) * mask[..., None]
        return x.sum(1) / mask.sum(1, keepdim=True)


def pairs(n):
    topic = torch.randint(0, 6, (n,))
    out = []
    for _ in range(2):
        ids = 1 + topic[:, None] * 19 + torch.randint(0, 19, (n, 12))
        ids[torch.arange(12)[None] >= torch.randint(4, 13, (n, 1))] = PAD
        out.append(ids)
    return out


enc = SentenceEncoder()
enc.requires_grad_(False)
for b in enc.blocks:
    b.qkv, b.o = LoRA(b.qkv), LoRA(b.o)
train = [p for p in enc.parameters() if p.requires_grad]
opt = torch.optim.AdamW(train, lr=5e-3)
with Inspector(enc) as inspector:
    for step in range(150):
        a, b = pairs(32)
        za, zb = F.normalize(enc(a), dim=-1), F.normalize(enc(b), dim=-1)
        loss = F.cross_entropy(za @ zb.T * 20, torch.arange(32))
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(train, 1.0)
        opt.step()
diagnosis = inspector.diagnose()
