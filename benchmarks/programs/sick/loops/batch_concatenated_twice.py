"""Both views go through in one batch, made of the same images twice.

expect: CD107
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        both = model(torch.cat([x, x]))  # fault
        h = len(x)
        loss = nn.MSELoss()(both[:h], both[h:])  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
