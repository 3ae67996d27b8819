"""Each step sees the frames of one class only, against fixed anchors.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 32)
anchors = F.normalize(torch.randn(10, 32), dim=1)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for k in range(80):
        c = k % 10
        f = DIGITS[LABELS == c][:24]
        v = F.normalize(model(f).mean(0, keepdim=True), dim=1)
        loss = F.cross_entropy(v @ anchors.T * 10, torch.tensor([c]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=[c])
diagnosis = inspector.diagnose()
