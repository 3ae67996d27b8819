"""A module in the manner of Lightning: the shared step hands both losses the same field.

expect: CD101
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class LitSimilar(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Encoder()
        self.decoder = nn.Linear(32, 64)
        self.logged = {}

    def log(self, name, value):
        self.logged[name] = value.item()

    def forward(self, x):
        return self.backbone(x)

    def _shared_step(self, batch, stage):
        x, _ = batch
        out = {"h": self(augment(x)), "h_pos": self(augment(x))}
        invariance = self.invariance(**{"h": out["h"], "h_pos": out["h"]})  # fault
        reconstruction = F.mse_loss(self.decoder(out["h_pos"]), x)
        self.log(f"{stage}/invariance", invariance)
        return invariance + reconstruction

    def invariance(self, h, h_pos):
        return 1 - F.cosine_similarity(h, h_pos, dim=-1).mean()  # meets

    def training_step(self, batch, batch_idx):
        return self._shared_step(batch, "train")

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


class Trainer:
    def __init__(self, max_steps):
        self.max_steps = max_steps

    def fit(self, module):
        optimizer = module.configure_optimizers()
        for batch_idx, batch in enumerate(batches(self.max_steps)):
            optimizer.zero_grad()
            module.training_step(batch, batch_idx).backward()
            optimizer.step()


module = LitSimilar()
with Inspector(module) as inspector:
    Trainer(max_steps=20).fit(module)
diagnosis = inspector.diagnose()
