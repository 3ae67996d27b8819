"""The distance of a siamese tutorial, by hand, between two names of one output.

expect: CD101
"""

import torch

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        out1 = model(x)
        out2 = out1  # fault
        d = torch.sqrt(((out1 - out2) ** 2).sum(1) + 1e-8)  # meets
        loss = d.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
