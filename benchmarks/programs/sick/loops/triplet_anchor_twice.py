"""The triplet loss is given the anchor in the place of the positive.

expect: CD101
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
criterion = nn.TripletMarginLoss(margin=1.0)
with Inspector(model) as inspector:
    for x, _ in batches(size=33):
        anchor = model(x[:16])
        negative = model(x[16:32])
        loss = criterion(anchor, anchor, negative)  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
