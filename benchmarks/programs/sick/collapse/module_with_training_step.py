"""A module with its training_step(), and a trainer.

expect: CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 128), nn.ReLU())
        self.proj = nn.Linear(128, 64)

    def training_step(self, batch):
        x, _ = batch
        a = self.proj(self.backbone(x))
        b = self.proj(self.backbone(x[torch.randperm(len(x))]))
        return F.mse_loss(F.normalize(a), F.normalize(b))

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), 0.003)


class Trainer:
    def fit(self, m):
        o = m.configure_optimizers()
        for b in batches(400, 64):
            loss = m.training_step(b)
            o.zero_grad()
            loss.backward()
            o.step()


m = LM()
with Inspector(m) as inspector:
    Trainer().fit(m)
diagnosis = inspector.diagnose()
