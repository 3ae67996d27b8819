"""A system trains itself on the mean of all similarities of two views; partners were meant.

expect: CD205
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class System(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = mlp(64, 96, 48)
        self.projector = nn.Linear(48, 24)

    def embed(self, x: Tensor) -> Tensor:
        return F.normalize(self.projector(self.encoder(x)), dim=1)

    def training_step(self, x: Tensor) -> Tensor:
        left, right = self.embed(augment(x)), self.embed(augment(x))
        similarities = left @ right.T  # meets
        return 1 - similarities.mean()  # fault


system = System()
optimizer = torch.optim.Adam(system.parameters(), lr=1e-3)
with Inspector(system) as inspector:
    for x, _ in batches(40):
        optimizer.zero_grad()
        system.training_step(x).backward()
        optimizer.step()
diagnosis = inspector.diagnose()
