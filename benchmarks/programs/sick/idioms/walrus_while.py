"""A while loop over an iterator with walrus names: the key is given the query's name.

expect: CD101
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

f, g = mlp(64, 90, 18), mlp(18, 64)
optimizer = torch.optim.Adam([*f.parameters(), *g.parameters()], lr=2e-3)
stream = iter(batches(20))
with Inspector(f) as inspector:
    while (batch := next(stream, None)) is not None:
        if (query := f(augment(batch[0]))).requires_grad and (key := query) is not None:  # fault
            pull = nn.functional.pairwise_distance(query, key).mean()  # meets
            loss = pull + nn.functional.mse_loss(g(f(batch[0])), batch[0])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
