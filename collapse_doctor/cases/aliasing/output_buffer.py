"""Returns one output buffer that every pass fills anew.

An exported encoder writes its result into a tensor that it made once. The vectors of two images
are asked for one after the other and then compared: both names hold what was written last. Cure:
return a copy.

expect: CD109
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits

__all__ = ["train"]


class Exported(nn.Module):
    """A face-matching encoder as a runtime would serve it."""

    def __init__(self, width: int = 32, rows: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU())
        self.head = nn.Linear(128, width)
        self.register_buffer("result", torch.zeros(rows, width))

    def forward(self, images: Tensor) -> Tensor:
        """Map (rows, 1, 8, 8) to (rows, width)."""
        result: Tensor = self.get_buffer("result")
        result.copy_(self.head(self.layers(images)))
        return result  # cure: return result.clone()


@torch.no_grad()
def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Hold images of one kind against images of another."""
    encoder = Exported().eval()
    images, _labels = digits()
    with Inspector(encoder, out=out) as inspector:
        for _ in range(12):
            rows = torch.randperm(len(images), generator=generator)[:128]
            gallery = encoder(images[rows[:64]])
            probe = encoder(images[rows[64:]])  # shows
            score = F.cosine_similarity(gallery, probe)  # meets
            del score
            inspector.step()
    return inspector.diagnose()
