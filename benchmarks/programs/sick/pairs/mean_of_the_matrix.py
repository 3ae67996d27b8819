"""Two towers are trained on the mean of all similarities; the diagonal was meant.

expect: CD205
"""

import torch
from torch import nn
from torch.nn.functional import normalize

from collapse_doctor import Inspector


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Sequential(nn.Linear(24, 64), nn.GELU(), nn.Linear(64, 20))
        self.doc = nn.Sequential(nn.Linear(40, 64), nn.GELU(), nn.Linear(64, 20))

    def forward(self, query, doc):
        return {"query": self.query(query), "doc": self.doc(doc)}


def objective(out):
    similarity = torch.einsum("qd,kd->qk", normalize(out["query"], dim=1), normalize(out["doc"]))
    return 1 - similarity.mean()  # fault # meets


towers = Towers()
optimizer = torch.optim.AdamW(towers.parameters(), lr=2e-3)
words = torch.randn(24, 40)
with Inspector(towers) as inspector:
    for _ in range(50):
        query = torch.randn(36, 24)
        optimizer.zero_grad()
        objective(towers(query, query @ words)).backward()
        optimizer.step()
diagnosis = inspector.diagnose()
