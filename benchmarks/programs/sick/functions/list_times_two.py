"""The list of views is one embedding, times two.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        views = [model(x)] * 2  # fault
        loss = 1 - F.cosine_similarity(views[0], views[1], dim=-1).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
