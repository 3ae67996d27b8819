"""A hinge of cosines with its margin on the right side, written as a maximum with zero.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(120):
        a, b = model(augment(x)), model(augment(x))
        near, far = F.cosine_similarity(a, b), F.cosine_similarity(a, b.roll(1, 0))
        loss = (far - near + 0.3).clamp(min=0).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
