"""A hypernetwork makes the classifier of each batch; cosines to it, scaled, are the logits.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

net, hyper = mlp(64, 96, 32), nn.Linear(16, 32)
codes = nn.Parameter(torch.randn(10, 16))
adam = torch.optim.Adam([*net.parameters(), *hyper.parameters(), codes], lr=2e-3)
with Inspector({"net": net, "hyper": hyper}) as inspector:
    for x, label in batches(60):
        embedding, classifier = net(x), hyper(codes)
        cosines = 16 * F.linear(F.normalize(embedding, dim=1), F.normalize(classifier, dim=1))
        other = 4 * F.normalize(embedding, dim=1) @ F.normalize(classifier, dim=1).T
        loss = F.cross_entropy(cosines, label) + 0.1 * F.cross_entropy(other, label)
        adam.zero_grad()
        loss.backward()
        adam.step()
diagnosis = inspector.diagnose()
