"""Embeddings are short because their layer begins with small weights; the cosine does not mind.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

net = mlp(64, 64, 24)
with torch.no_grad():
    for parameter in net[-1].parameters():
        parameter *= 1e-3
similarity = nn.CosineSimilarity(dim=-1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(50, 40):
        a, b = net(augment(x)), net(augment(x))
        scores = similarity(a[:, None], b[None]) / 0.2
        loss = nn.functional.cross_entropy(scores, torch.arange(40))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
