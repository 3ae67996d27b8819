"""The stack of encoder layers is built with list multiplication, so all of them are one layer.

expect: CD108
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class EncoderLayer(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.attn = nn.MultiheadAttention(d, heads, batch_first=True)
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)

    def forward(self, x):
        h = self.n1(x)
        x = x + self.attn(h, h, h, need_weights=False)[0]
        return x + self.ff(self.n2(x))


class PatchEncoder(nn.Module):
    def __init__(self, d=40, depth=4, heads=4, patches=16, patch_dim=4):
        super().__init__()
        self.embed = nn.Linear(patch_dim, d)
        self.pos = nn.Parameter(0.02 * torch.randn(patches, d))
        self.layers = nn.ModuleList([EncoderLayer(d, heads)] * depth)  # fault
        self.norm = nn.LayerNorm(d)

    def forward(self, x):
        x = self.embed(x) + self.pos
        for layer in self.layers:
            x = layer(x)
        return self.norm(x).mean(1)


glyphs = torch.rand(30, 16, 4)


def get_batch(n=60):
    y = torch.randint(30, (n,))
    return glyphs[y] + 0.15 * torch.randn(n, 16, 4), y


def sup_con(z, y, t=0.15):
    z = F.normalize(z, dim=1)
    logits = z @ z.T / t
    eye = torch.eye(len(z), dtype=torch.bool)
    logits = logits.masked_fill(eye, -1e9)
    logp = logits - logits.logsumexp(1, keepdim=True)
    pos = (y[:, None] == y[None]) & ~eye
    has = pos.any(1)
    return -((logp * pos).sum(1)[has] / pos.sum(1)[has]).mean()


net = PatchEncoder()
print("parameters:", sum(p.numel() for p in net.parameters()))
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=60, eta_min=2e-4)

with Inspector(net) as inspector:
    for step in range(50):
        x, y = get_batch()
        loss = sup_con(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if step % 10 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
