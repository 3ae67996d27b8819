"""Margin loss with a learnt boundary per class and distance-weighted sampling.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

net = mlp(64, 128, 32)
beta = nn.Parameter(torch.full((10,), 1.2))
opt = torch.optim.Adam([{"params": net.parameters()}, {"params": [beta], "lr": 5e-4}], lr=1e-3)
by_class = [torch.where(LABELS == c)[0] for c in range(10)]


def balanced(p=5, k=6):
    classes = torch.randperm(10)[:p].tolist()
    rows = [by_class[c][torch.randperm(len(by_class[c]))[:k]] for c in classes]
    return torch.cat(rows)


with Inspector(net) as inspector:
    for _ in range(250):
        rows = balanced()
        y = LABELS[rows]
        z = F.normalize(net(DIGITS[rows]))
        d = (2 - 2 * z @ z.T).clamp(min=1e-4).sqrt()
        same = y[:, None] == y
        n = z.shape[1]
        dd = d.detach().clamp(min=0.5)
        logw = (2 - n) * dd.log() - (n - 3) / 2 * (1 - 0.25 * dd * dd).clamp(min=1e-6).log()
        w = (logw - logw.max()).exp() * (~same) * (d < 1.4)
        neg = torch.multinomial(w + 1e-12, 1).squeeze(1)
        pos = torch.multinomial((same & ~torch.eye(len(y), dtype=torch.bool)).float(), 1).squeeze(1)
        i = torch.arange(len(y))
        b = beta[y]
        loss = (F.relu(0.2 + d[i, pos] - b) + F.relu(0.2 + b - d[i, neg])).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
