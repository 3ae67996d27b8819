"""Two towers are pulled together, pair by pair.

expect: CD208
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

towers = {"image": mlp(32, 64, 32), "text": mlp(32, 64, 32)}
optimizer = torch.optim.Adam([p for tower in towers.values() for p in tower.parameters()])
with Inspector(towers) as inspector:
    for x, _ in batches(40):
        image, text = (
            F.normalize(tower(half), dim=1)
            for tower, half in zip(towers.values(), x.chunk(2, dim=1))
        )
        loss = (2 - 2 * (image * text).sum(dim=1)).mean()  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
