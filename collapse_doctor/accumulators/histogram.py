"""A histogram of lengths with fixed edges, so that two of them add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

__all__ = ["LengthHistogram"]

PER_OCTAVE = 16
OCTAVES = 48
_BINS = 2 * OCTAVES * PER_OCTAVE + 1


@dataclass
class LengthHistogram:
    """Counts of positive lengths in bins 1/16 octave (4.4 %) wide, from 2⁻⁴⁸ to 2⁴⁸.

    A bin is centred on length 1, so that unit vectors share one bin whatever their rounding.
    Lengths outside fall into the first and last bin.
    """

    counts: Tensor

    @classmethod
    def of(cls, lengths: Tensor) -> Self:
        """Return the histogram of positive float64 lengths (n,)."""
        bins = lengths.log2().mul_(PER_OCTAVE).round_().clamp_(-(_BINS // 2), _BINS // 2)
        return cls(torch.bincount(bins.to(torch.int64) + _BINS // 2, minlength=_BINS))

    def merge(self, other: Self) -> None:
        """Add the counts of ``other``."""
        self.counts = self.counts + other.counts.to(self.counts.device)

    def occupied(self) -> tuple[Tensor, Tensor]:
        """Return counts (k,) int64 and edges (k + 1,) float64, trimmed to the occupied range."""
        counts = self.counts.cpu()
        held = counts.nonzero().flatten()
        if len(held) == 0:
            return counts[:0], torch.zeros(0, dtype=torch.float64, device="cpu")
        low, high = int(held[0]), int(held[-1])
        steps = torch.arange(low, high + 2, dtype=torch.float64, device="cpu")
        return counts[low : high + 1], ((steps - _BINS // 2 - 0.5) / PER_OCTAVE).exp2()
