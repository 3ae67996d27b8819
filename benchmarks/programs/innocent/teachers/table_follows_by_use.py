"""Each row of a table of targets is replaced when it was used: an instance's own last embedding.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, augment, mlp
from collapse_doctor import Inspector

model, head = mlp(64, 96, 24), nn.Linear(24, 10)
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], 1e-3)
table = torch.zeros(320, 24)
with Inspector(model) as inspector:
    for epoch in range(9):
        for rows in torch.arange(320).split(32):
            z = model(augment(DIGITS[rows]))
            loss = F.cross_entropy(head(z), LABELS[rows])
            if epoch:
                loss = loss + 0.3 * F.mse_loss(z, table[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            table[rows] = z.detach()
            inspector.step(loss=loss, labels=LABELS[rows])
diagnosis = inspector.diagnose()
