"""The length of the difference between an embedding and its detached self.

expect: CD103
"""

import torch

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        u = model(x)
        v = u.detach()  # fault
        loss = torch.linalg.vector_norm(u - v, dim=-1).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
