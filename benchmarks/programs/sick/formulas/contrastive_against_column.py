"""The contrastive loss by hand: distances in a row, labels in a column.

expect: CD205
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def contrastive(apart, different, margin=1.0):
    near = (1 - different) * apart**2  # fault, meets
    far = different * F.relu(margin - apart) ** 2
    return (near + far).mean()


model = Encoder()
optimizer = torch.optim.RMSprop(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(30, size=64):
        one, other = model(x).chunk(2)
        different = (y[:32] != y[32:]).float().view(-1, 1)  # fault
        loss = contrastive(F.pairwise_distance(one, other), different)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
