"""Each sample's output of the last epoch is a target beside the labels.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, augment, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 32)
h = nn.Linear(32, 10)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.001)
bs = [(DIGITS[j : j + 100], LABELS[j : j + 100]) for j in range(0, 400, 100)]
old = {}
with Inspector(model) as inspector:
    for ep in range(20):
        for b, (x, y) in enumerate(bs):
            z = model(augment(x))
            loss = F.cross_entropy(h(z), y)
            if b in old:
                loss = loss + 0.5 * F.mse_loss(z, old[b])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            old[b] = z.detach()
            inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
