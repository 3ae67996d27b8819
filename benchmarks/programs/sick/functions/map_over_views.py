"""map() walks over the views twice, where it should pair one with the other.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        views = [model(augment(x)), model(augment(x))]
        losses = list(map(F.mse_loss, views, views))  # fault, meets
        loss = sum(losses) + views[0].pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
