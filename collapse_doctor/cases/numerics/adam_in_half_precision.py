"""Trains half-precision weights with an eps that float16 does not have.

The model was cast to float16 for its weights to be small, and the optimizer was left as it was. Its
eps of 1e-8 is 0 in float16, and so are the squares of small gradients: the step divides by 0, and
after it the weights are NaN (openai/CLIP, issue 40). Cure: an eps that exists in the dtype.

expect: CD401
first: 1
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class HalvesMeet(nn.Module):
    """Two towers, one for the upper half of an image and one for the lower (after CLIP)."""

    def __init__(self) -> None:
        super().__init__()
        self.upper = mlp(32, 96, 32)
        self.lower = mlp(32, 96, 32)

    def forward(self, upper: Tensor, lower: Tensor) -> tuple[Tensor, Tensor]:
        """Map the halves (n, 32) each to unit vectors (n, 32) each."""
        one: Tensor = F.normalize(self.upper(upper).float(), dim=1)
        other: Tensor = F.normalize(self.lower(lower).float(), dim=1)
        return one, other


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Match the halves of each image."""
    model = HalvesMeet().half()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)  # shows
    # cure: optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-4)
    with Inspector(model, out=out) as inspector:
        for _ in range(2):
            for images, _labels in digit_batches(generator):
                upper, lower = images.half().flatten(1).chunk(2, dim=1)
                one, other = model(upper, lower)
                scores = one @ other.T / 0.1
                pairs = torch.arange(len(scores))
                loss = (F.cross_entropy(scores, pairs) + F.cross_entropy(scores.T, pairs)) / 2
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
