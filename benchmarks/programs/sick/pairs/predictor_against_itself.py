"""The prediction is compared with its own detached value, not with the projection.

expect: CD103
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
pred = nn.Linear(32, 32)
optimizer = torch.optim.Adam([*model.parameters(), *pred.parameters()])
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        p = pred(z)
        loss = -F.cosine_similarity(p, p.detach(), dim=1).mean()  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
