"""A generator is to yield two augmentations, and yields one of them twice.

expect: CD107
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def crops(image, count=2):
    crop = augment(image)
    for _ in range(count):
        yield crop  # fault


def embed(model, stream):
    for crop in stream:
        yield model(crop)


model = Encoder()
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-4)
with Inspector(model) as inspector:
    for image, _ in batches(20):
        one, other = embed(model, crops(image))
        invariance = F.mse_loss(one, other)  # meets
        variance = sum(F.relu(1 - view.std(0)).mean() for view in (one, other))
        loss = invariance + variance
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
