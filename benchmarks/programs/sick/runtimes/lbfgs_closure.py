"""LBFGS calls a closure, in which the embedding is compared with itself.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
with Inspector(model) as inspector:
    for x, _ in batches(6):

        def closure():
            optimizer.zero_grad()
            z = model(x)
            loss = 1 - F.cosine_similarity(z, z).mean()  # fault, meets
            loss.backward()
            return loss

        optimizer.step(closure)
diagnosis = inspector.diagnose()
