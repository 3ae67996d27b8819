"""The target comes from a second pass without gradient, of the same input and weights.

expect: CD103
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.RMSprop(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        with torch.no_grad():
            t = model(x)  # fault
        loss = (2 - 2 * nn.CosineSimilarity()(z, t)).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
