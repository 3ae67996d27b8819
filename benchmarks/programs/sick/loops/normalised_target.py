"""Both sides are normalised inside the call; one of them was detached before.

expect: CD103
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
        target = z.detach()  # fault
        loss = (
            1 - F.cosine_similarity(F.normalize(z, dim=1), F.normalize(target, dim=1)).mean()
        )  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
