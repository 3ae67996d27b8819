"""From half way on both towers are detached for a look at the scale, and stay so.

expect: CD201
first: 40
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

upper, lower = mlp(32, 48, 24), mlp(32, 48, 24)
log_scale = nn.Parameter(torch.tensor(2.0))
optimizer = torch.optim.RAdam([*upper.parameters(), *lower.parameters(), log_scale], 5e-3)


def terms(images, tune_scale):
    a = F.normalize(upper(images[:, :32]), dim=-1)
    b = F.normalize(lower(images[:, 32:]), dim=-1)
    if tune_scale:
        a, b = a.detach(), b.detach()  # fault
    scores = log_scale.exp() * torch.einsum("id,jd->ij", a, b)
    own = torch.arange(len(images))
    yield F.cross_entropy(scores, own)
    yield F.cross_entropy(scores.T, own)


with Inspector({"upper": upper, "lower": lower}) as inspector:
    for step in range(100):
        rows = torch.randperm(len(LABELS))[:48]
        loss = sum(terms(DIGITS[rows], tune_scale=step >= 40))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
