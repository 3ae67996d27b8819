"""One assignment binds both names; the operands are passed by keyword.

expect: CD101
"""

import torch

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        a = b = model(x)  # fault
        sim = torch.nn.functional.cosine_similarity(x1=a, x2=b, dim=1)  # meets
        loss = (1 - sim).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
