"""The key is the query divided by the temperature.

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
        q = model(x)
        k = q / 0.07  # fault
        loss = (1 - F.cosine_similarity(q, k)).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
