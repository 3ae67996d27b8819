"""The mean similarity of own pairs less that of all pairs: a contrast without any softmax.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(60):
        a, b = F.normalize(model(augment(x))), F.normalize(model(augment(x)))
        similarity = torch.einsum("id,jd->ij", a, b)
        loss = similarity.mean() - similarity.diagonal().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
