"""The second view is the first, each row times a random weight.

expect: CD105
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        w = torch.rand(len(x), 1) * z  # fault
        loss = F.cosine_similarity(z, w).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
