"""The distances to the positives are the diagonal of cdist(), the positive being the anchor.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches(6):
        a = model(x)
        p = a  # fault
        n = model(augment(x))
        loss = F.relu(
            torch.cdist(a, p).diagonal() - torch.cdist(a, n).diagonal() + 1
        ).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
