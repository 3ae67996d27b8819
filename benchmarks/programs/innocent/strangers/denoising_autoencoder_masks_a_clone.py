"""The mask is written in place, but into a clone: the reconstruction target keeps its values.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader

from collapse_doctor import Inspector


def holes(rows, share):
    seen = rows.clone()
    where = torch.rand(rows.shape) < share
    seen[where] = 0.0
    seen.add_(0.05 * torch.randn_like(seen))
    return seen, where


class DAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(30, 80), nn.SiLU(), nn.Linear(80, 15))
        self.dec = nn.Sequential(nn.SiLU(), nn.Linear(15, 80), nn.SiLU(), nn.Linear(80, 30))

    def forward(self, x):
        code = self.enc(x)
        return {"code": code, "rows": self.dec(code)}


def fit(model, rows, epochs):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(epochs):
        for batch in DataLoader(rows, batch_size=90, shuffle=True, drop_last=True):
            seen, where = holes(batch, 0.3)
            out = model(seen)
            loss = F.mse_loss(out["rows"], batch) + F.mse_loss(out["rows"][where], batch[where])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


# a survey: thirty answers on a scale, driven by twelve attitudes
attitude, weight = torch.randn(560, 12), torch.randn(12, 30) / 3.5
rows = (2 * (attitude @ weight + 0.2 * torch.randn(560, 30))).round().clamp(-4, 4) / 2
model = DAE()
with Inspector(model) as inspector:
    fit(model, rows, 8)
diagnosis = inspector.diagnose()
