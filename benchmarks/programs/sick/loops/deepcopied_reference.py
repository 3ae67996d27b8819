"""How stable the embedding is gets measured against a deep copy of it.

expect: CD104
"""

import copy

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for x, _ in batches():
        with torch.no_grad():
            z = model(x)
        w = copy.deepcopy(z)  # fault
        s = F.cosine_similarity(z, w)  # meets
        loss = model(augment(x)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
