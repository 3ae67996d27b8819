"""Takes the signs of a hashing network's outputs, through which no gradient comes back.

Images are to get codes of 32 bits. The loss compares the bits themselves, and the sign has a slope
of 0 everywhere: the network stays as it was drawn, and the loss, which differs from batch to batch,
looks as if it were noisy. Cure: bits forwards, and the slope of the numbers before them backwards.

expect: CD201
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits

__all__ = ["train"]


class Hash(nn.Module):
    """Codes of bits, -1 and 1."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 128), nn.ELU(), nn.Linear(128, bits), nn.Tanh()
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, 1, 8, 8) to codes (n, bits)."""
        bits = self.net(images).sign()  # cure: soft = self.net(images)
        # cure: bits = soft + (soft.sign() - soft).detach()
        codes: Tensor = bits.view(len(images), -1)
        return codes


def drawn(generator: Generator, steps: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of images and labels."""
    images, labels = digits()
    for _ in range(steps):
        rows = torch.randint(len(images), (size,), generator=generator)
        yield images[rows], labels[rows]


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn codes whose share of equal bits tells whether two digits are the same."""
    hashing = Hash(32)
    optimizer = torch.optim.RMSprop(hashing.parameters(), lr=1e-3)
    with Inspector(hashing, out=out) as inspector:
        for images, labels in drawn(generator, 90, 64):
            codes = hashing(images)
            agree = codes @ codes.T / 32
            wanted = (labels[:, None] == labels).float()
            loss = (agree - wanted).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
