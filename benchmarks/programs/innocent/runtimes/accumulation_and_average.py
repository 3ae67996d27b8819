"""Accumulated gradients, averaged weights and a one-cycle schedule.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

model = nn.Sequential(
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(inplace=True), nn.Dropout(0.3), nn.Linear(64, 10)
)
ema = torch.optim.swa_utils.AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, nesterov=True)
s = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=60)
with Inspector(model) as inspector:
    for k, (x, y) in enumerate(batches(240, 16)):
        loss = F.cross_entropy(model(x), y) / 4
        loss.backward()
        if k % 4 == 3:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            s.step()
            ema.update_parameters(model)
            inspector.step(loss=loss * 4, labels=y)
diagnosis = inspector.diagnose()
