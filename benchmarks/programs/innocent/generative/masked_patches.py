"""A masked autoencoder: a quarter of the patches is seen, mask tokens are all one learnt vector.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector


class MAE(nn.Module):
    def __init__(self, d=48, n=16):
        super().__init__()
        self.patch = nn.Linear(4, d)
        self.pos = nn.Parameter(torch.randn(1, n, d) * 0.02)
        layer = lambda: nn.TransformerEncoderLayer(d, 4, 96, 0.0, "gelu", True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer(), 2, enable_nested_tensor=False)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, d))
        self.decoder = layer()
        self.head = nn.Linear(d, 4)

    def forward(self, patches, ratio=0.5):
        b, n, _ = patches.shape
        order = torch.rand(b, n).argsort(1)
        keep = order[:, : int(n * (1 - ratio))]
        x = self.patch(patches) + self.pos
        seen = x.gather(1, keep[..., None].expand(-1, -1, x.shape[2]))
        seen = self.encoder(seen)
        full = self.mask_token.expand(b, n, -1)
        full = full.scatter(1, keep[..., None].expand_as(seen), seen)
        mask = torch.ones(b, n).scatter(1, keep, 0.0)
        return self.head(self.decoder(full + self.pos)), mask


def patchify(x):
    return x.view(-1, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).reshape(-1, 16, 4)


model = MAE()
opt = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.95))
with Inspector(model) as inspector:
    for step in range(120):
        p = patchify(DIGITS[torch.randint(len(DIGITS), (64,))])
        rec, mask = model(p)
        loss = ((rec - p).square().mean(-1) * mask).sum() / mask.sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
