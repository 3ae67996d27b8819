"""The target is a detached clone of this step's output.

expect: CD103
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.RMSprop(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        t = z.detach().clone()  # fault
        loss = F.cosine_embedding_loss(z, t, torch.ones(len(z)))  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
