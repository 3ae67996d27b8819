"""zero_grad() stands between backward() and step().

expect: CD202
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def update(loss, optimizer):
    loss.backward()
    optimizer.zero_grad()  # fault
    optimizer.step()


model = Encoder()
criterion = nn.TripletMarginLoss(margin=0.5)
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(40, size=60):
        z = model(x[y.argsort()])
        anchor, positive, negative = z[0:20], z[1:21], z[40:60]
        update(criterion(anchor, positive, negative), optimizer)
diagnosis = inspector.diagnose()
