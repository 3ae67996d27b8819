"""functools.partial holds the query; the key is the query.

expect: CD101
"""

import functools

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        query = model(x)
        sim_to_query = functools.partial(F.cosine_similarity, query)
        key = query  # fault
        loss = 1 - sim_to_query(key).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
