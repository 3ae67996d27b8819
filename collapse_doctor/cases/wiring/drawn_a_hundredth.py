"""Draws the weights of ten convolutions with a deviation of 0.01, as was once the custom.

That was for networks of a few wide layers. In ten narrow ones a signal keeps a tenth of its height
in each, and so does the gradient on its way back: the first filters are never changed by a number
that a float could hold. The loss stays where guessing is. Cure: draw them as He et al. do.

expect: CD203
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches

__all__ = ["train"]


class Deep(nn.Module):
    """Ten convolutions and a mean: (n, 1, 8, 8) to (n, 24)."""

    def __init__(self, width: int = 24, depth: int = 10) -> None:
        super().__init__()
        first = nn.Conv2d(1, width, 3, padding=1)
        others = (nn.Conv2d(width, width, 3, padding=1) for _ in range(depth - 1))
        self.layers = nn.ModuleList([first, *others])
        self.apply(self.draw)

    @staticmethod
    def draw(module: nn.Module) -> None:
        """Draw the weights of one layer."""
        if isinstance(module, nn.Conv2d):
            assert module.bias is not None
            nn.init.zeros_(module.bias)
            nn.init.normal_(module.weight, std=0.01)  # cure: nn.init.kaiming_normal_(module.weight)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to vectors."""
        for layer in self.layers:
            images = layer(images).relu()
        return images.mean(dim=(2, 3))


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn digits by a classifier on top."""
    body, top = Deep(), nn.Linear(24, 10)
    optimizer = torch.optim.SGD(
        [{"params": body.parameters()}, {"params": top.parameters()}], lr=0.05, momentum=0.9
    )
    with Inspector(body, out=out) as inspector:
        for _ in range(2):
            for images, labels in digit_batches(generator):
                loss = F.cross_entropy(top(body(augment(images, generator))), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
