"""Views are collected in a list that holds one pre-allocated tensor again and again.

expect: CD109
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

frozen = nn.Sequential(nn.Linear(16, 50), nn.Tanh(), nn.Linear(50, 24)).requires_grad_(False)
probe = nn.Sequential(nn.Linear(16, 50), nn.ReLU(), nn.Linear(50, 24))
opt = torch.optim.Adam(probe.parameters(), lr=2e-3)
out = torch.empty(32, 24)


def reference(chunks):
    kept = []
    for chunk in chunks:
        hidden = frozen[:2](chunk)
        torch.addmm(frozen[2].bias, hidden, frozen[2].weight.T, out=out)  # fault
        kept.append(out)  # fault
    return kept


with Inspector({"probe": probe, "frozen": frozen}) as inspector:
    for _ in range(30):
        chunks = torch.randn(3, 32, 16).unbind(0)
        loss = sum(
            F.mse_loss(probe(chunk), ref)  # meets
            for chunk, ref in zip(chunks, reference(chunks))
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
