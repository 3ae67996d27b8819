"""A generator yields two crops, another their embeddings.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def crops(image, count=2):
    for _ in range(count):
        yield augment(image)


def embed(model, stream):
    for crop in stream:
        yield model(crop)


model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for image, _ in batches(60):
        one, other = (F.normalize(z, dim=1) for z in embed(model, crops(image)))
        loss = F.cross_entropy(one @ other.T / 0.2, torch.arange(len(image)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
