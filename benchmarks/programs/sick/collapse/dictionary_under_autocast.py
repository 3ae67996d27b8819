"""Logits learn, the embedding beside them in the dictionary collapses, under autocast.

expect: CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(64, 128), nn.ReLU())
        self.e = nn.Linear(128, 64)
        self.c = nn.Linear(128, 10)

    def forward(self, x):
        h = self.f(x)
        return {"logits": self.c(h), "emb": self.e(h)}


model = M()
optimizer = torch.optim.AdamW(model.parameters(), 0.003)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        with torch.autocast("cpu", torch.bfloat16):
            o = model(x)
            p = o["emb"][torch.randperm(len(x))]
            loss = (
                F.cross_entropy(o["logits"], y) * 0.1
                + (1 - F.cosine_similarity(o["emb"], p)).mean()
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
