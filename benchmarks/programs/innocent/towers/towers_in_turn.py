"""Two towers learn in turn, twenty steps each, the other one detached; one optimizer holds both.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

upper, lower = mlp(32, 48, 24), mlp(32, 48, 24)
log_scale = nn.Parameter(torch.tensor(2.0))
optimizer = torch.optim.RAdam([*upper.parameters(), *lower.parameters(), log_scale], 5e-3)


def contrast(a, b):
    scores = log_scale.exp() * torch.einsum("id,jd->ij", a, b)
    own = torch.arange(len(a))
    return F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)


with Inspector({"upper": upper, "lower": lower}) as inspector:
    for step in range(130):
        rows = torch.randperm(len(LABELS))[:48]
        a = F.normalize(upper(DIGITS[rows, :32]), dim=-1)
        b = F.normalize(lower(DIGITS[rows, 32:]), dim=-1)
        first = (step // 20) % 2 == 0
        loss = contrast(a, b.detach()) if first else contrast(a.detach(), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
