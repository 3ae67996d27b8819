"""A linear probe is trained on detached features at the same time; the contrastive loss keeps the live ones, so the detach is right.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


class LitModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(64, 128), nn.LayerNorm(128), nn.GELU(), nn.Linear(128, 64)
        )
        self.projector = nn.Sequential(nn.GELU(), nn.Linear(64, 32))
        self.probe = nn.Linear(64, 10)

    def step(self, batch):
        v1, v2, y = batch
        h1, h2 = self.backbone(v1), self.backbone(v2)
        z = F.normalize(torch.cat([self.projector(h1), self.projector(h2)]), dim=1)
        n = len(v1)
        logits = (z @ z.T / 0.2).masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
        ssl = F.cross_entropy(logits, (torch.arange(2 * n) + n) % (2 * n))
        frozen = h1.detach()
        probe_logits = self.probe(frozen)
        probe = F.cross_entropy(probe_logits, y)
        acc = (probe_logits.argmax(1) == y).float().mean()
        return {"loss": ssl + probe, "ssl": ssl.detach(), "acc": acc}


class Loop:
    def __init__(self, module, lr):
        self.module = module
        self.opt = torch.optim.AdamW(module.parameters(), lr=lr)
        self.log = []

    def fit(self, batches):
        for batch in batches:
            out = self.module.step(batch)
            self.opt.zero_grad()
            out["loss"].backward()
            self.opt.step()
            self.log.append({k: float(v) for k, v in out.items()})


def batches(n_steps, size=72):
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x).float() / 8 - 1, torch.tensor(y)
    for _ in range(n_steps):
        i = torch.randint(len(x), (size,))
        noise = lambda: x[i] * (torch.rand(size, 64) > 0.15) + 0.1 * torch.randn(size, 64)
        yield noise(), noise(), y[i]


torch.manual_seed(6)
module = LitModule()
loop = Loop(module, lr=2e-3)
with Inspector({"backbone": module.backbone, "projector": module.projector}) as inspector:
    loop.fit(batches(50))
diagnosis = inspector.diagnose()
