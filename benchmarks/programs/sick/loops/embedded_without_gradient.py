"""The embedding is computed without gradient, although the optimizer has the encoder.

expect: CD201
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model, head = Encoder(), nn.Linear(32, 10)
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()])
with Inspector(model) as inspector:
    for x, y in batches(30):
        with torch.no_grad():  # fault
            z = model(x)  # fault
        loss = F.cross_entropy(head(z), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
