"""Both the embedding and the head are normalised; trained to the end.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 64)
head = nn.Linear(64, 10, bias=False)
optimizer = torch.optim.SGD(
    [*model.parameters(), *head.parameters()], 0.1, 0.9, weight_decay=0.0005
)
with Inspector(model) as inspector:
    for x, y in batches(700, 64):
        loss = F.cross_entropy(16 * F.linear(F.normalize(model(x)), F.normalize(head.weight)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
