"""A forward hook keeps every output; the target is the last but one.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

kept = []
model = Encoder()
model.head.register_forward_hook(lambda _module, _inputs, output: kept.append(output.detach()))
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches(15):
        z = model(x)
        target = kept[-2] if len(kept) > 1 else torch.zeros_like(z)  # fault
        loss = F.mse_loss(z, target)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
