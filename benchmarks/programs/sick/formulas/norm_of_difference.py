"""The length of the difference between an embedding and its clone.

expect: CD104
"""

import torch

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        a = model(x)
        b = a.clone()  # fault
        loss = torch.norm(a - b, dim=1).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
