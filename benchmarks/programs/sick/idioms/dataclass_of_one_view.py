"""A frozen data class holds a pair of views; its constructor is given one of them twice.

expect: CD107
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


@dataclass(frozen=True, slots=True)
class Views:
    anchor: Tensor
    positive: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "Views":
        view = augment(x)
        return cls(anchor=view, positive=view)  # fault

    def map(self, function):
        return function(self.anchor), function(self.positive)


def info_nce(queries: Tensor, keys: Tensor, *, temperature: float) -> Tensor:
    logits = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature  # meets
    return F.cross_entropy(logits, torch.arange(len(logits)))


criterion = partial(info_nce, temperature=0.2)
encoder = Encoder()
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for x, _ in batches(20):
        loss = criterion(*Views.of(x).map(encoder))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
