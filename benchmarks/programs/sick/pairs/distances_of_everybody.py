"""Every view is drawn to every view of the batch: cdist where pairwise_distance was meant.

expect: CD205
"""

import torch

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

net = mlp(64, 96, 24)
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
with Inspector(net) as inspector:
    for x, _ in batches(40):
        first, second = net(augment(x)), net(augment(x))
        distances = torch.cdist(first, second)  # fault # meets
        sgd.zero_grad()
        distances.mean().backward()
        sgd.step()
diagnosis = inspector.diagnose()
