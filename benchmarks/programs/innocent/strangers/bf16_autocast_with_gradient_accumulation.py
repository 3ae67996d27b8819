"""Four micro-batches per optimizer step, the loss divided by four, bfloat16 under autocast: the weights rest for three of four backward calls.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

ACCUM = 4


class PatchNet(nn.Module):
    """Sixteen 2x2 patches, one attention block."""

    def __init__(self, dim=48):
        super().__init__()
        self.embed = nn.Linear(4, dim)
        self.pos = nn.Parameter(torch.randn(16, dim) * 0.5)
        self.attn = nn.MultiheadAttention(dim, 4, batch_first=True)
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.ff = nn.Sequential(nn.Linear(dim, 96), nn.GELU(), nn.Linear(96, dim))
        self.head = nn.Linear(16 * dim, 32)

    def forward(self, x):
        p = F.unfold(x, 2, stride=2).transpose(1, 2)
        h = self.embed(p) + self.pos
        n = self.ln1(h)
        h = h + self.attn(n, n, n, need_weights=False)[0]
        h = h + self.ff(self.ln2(h))
        return self.head(h.flatten(1))


def augment(x):
    return x * (0.7 + 0.6 * torch.rand(len(x), 1, 1, 1)) + 0.2 * torch.randn_like(x)


torch.manual_seed(18)
images = torch.tensor(load_digits().images).float().unsqueeze(1)
images = (images - images.mean(0)) / 5
net = PatchNet()
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
autocast = torch.autocast("cpu", dtype=torch.bfloat16)

with Inspector(net) as inspector:
    for update in range(25):
        opt.zero_grad()
        for micro in range(ACCUM):
            x = images[torch.randint(len(images), (40,))]
            with autocast:
                a, b = net(augment(x)), net(augment(x))
            a, b = F.normalize(a.float(), dim=1), F.normalize(b.float(), dim=1)
            logits = a @ b.T / 0.15
            y = torch.arange(len(x))
            loss = (F.cross_entropy(logits, y) + F.cross_entropy(logits.T, y)) / 2
            (loss / ACCUM).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
diagnosis = inspector.diagnose()
