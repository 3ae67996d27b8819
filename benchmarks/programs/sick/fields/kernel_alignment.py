"""Two towers are aligned by the similarity of their kernels, of which both are the first tower's.

expect: CD104
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


def kernel(z):
    gram = z @ z.T
    centre = torch.eye(len(z), dtype=z.dtype) - 1 / len(z)
    return centre @ gram @ centre


def cka(a, b):
    k, m = kernel(a), kernel(b)
    return (k * m).sum() / (k.norm() * m.norm())  # meets


towers = nn.ModuleDict({"upper": mlp(32, 48, 16), "lower": mlp(32, 48, 12)}).double()
heads = nn.ModuleDict(
    {name: nn.Linear(w, 10) for name, w in (("upper", 16), ("lower", 12))}
).double()
optimizer = torch.optim.Adam([*towers.parameters(), *heads.parameters()], lr=1e-3)
with Inspector(towers) as inspector:
    for x, y in batches(20):
        upper, lower = x.double().chunk(2, dim=1)
        z = {"upper": towers["upper"](upper), "lower": towers["lower"](lower)}
        loss = sum(F.cross_entropy(heads[name](z[name]), y) for name in z)
        loss = loss + 1 - cka(z["upper"], z["upper"])  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
