"""Two networks that learn from each other are given the same images, by names that say so.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

image_student, image_peer = mlp(64, 64, 32), mlp(64, 96, 32)
heads = nn.ModuleList([nn.Linear(32, 10), nn.Linear(32, 10)])
parts = nn.ModuleList([image_student, image_peer, heads])
optimizer = torch.optim.Adam(parts.parameters(), lr=1e-3)
with Inspector({"student": image_student, "peer": image_peer}) as inspector:
    for image, label in batches(40, 64):
        a, b = image_student(image), image_peer(image)
        task = F.cross_entropy(heads[0](a), label) + F.cross_entropy(heads[1](b), label)
        loss = task + 0.1 * (1 - F.cosine_similarity(a, b).mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=label)
diagnosis = inspector.diagnose()
