"""An evaluation between the update and the call of step().

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.SGD(model.parameters(), 0.05, 0.9)
with Inspector(model) as inspector:
    for k, (x, y) in enumerate(batches(60, 64)):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if k % 10 == 0:
            model.eval()
            with torch.no_grad():
                acc = (model(DIGITS[:450]).argmax(1) == LABELS[:450]).float().mean()
            model.train()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
