"""A cross entropy by hand, whose softmax runs along the batch.

expect: CD206
"""

import torch

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


def cross_entropy(logits, target):
    shares = logits.softmax(0)  # fault
    return -shares[torch.arange(len(target)), target].log().mean()


model = mlp(64, 64, 10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
with Inspector(model) as inspector:
    for x, y in batches(60, size=64):
        loss = cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
