"""Count, mean, spread and extremes of columns, in one pass and without cancellation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from collapse_doctor.accumulators.scaling import scaled

__all__ = ["RunningMoments", "centre"]


def centre(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of the rows (d,) and the rows minus it (n, d).

    The first row is subtracted before the mean is taken: rows that are all equal then have
    deviations of exactly zero, and a mean far larger than the spread costs no digits.
    """
    first = rows[0]
    deviations = rows - first
    drift = deviations.mean(dim=0)
    return first + drift, deviations.sub_(drift)


@dataclass
class RunningMoments:
    """Moments of each of k columns over ``count`` rows; float64 tensors of shape (k,).

    ``squares`` is the sum of squared deviations from the mean (divide by ``count - 1`` for the
    variance). Blocks are joined by the pairwise update of Chan, Golub & LeVeque (1983), which,
    unlike a difference of raw sums, keeps its digits when the mean is far larger than the spread.
    """

    count: int
    mean: Tensor
    squares: Tensor
    minimum: Tensor
    maximum: Tensor

    @classmethod
    def empty(cls, columns: int) -> Self:
        """Return the moments of no rows at all: the neutral element of :meth:`merge`."""
        zero = torch.zeros(columns, dtype=torch.float64, device="cpu")
        return cls(0, zero, zero, zero + torch.inf, zero - torch.inf)

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """Return the moments of a float64 block (n, k)."""
        if len(rows) == 0:
            return cls.empty(rows.shape[1])
        mean, deviations = centre(rows)
        squares = deviations.square_().sum(dim=0)
        # one aminmax costs ten times as much as these two along the first dimension
        return cls(len(rows), mean, squares, rows.amin(dim=0), rows.amax(dim=0))

    def merge(self, other: Self) -> None:
        """Take in the rows that ``other`` has seen; ``other`` stays as it is."""
        if other.count == 0:
            return
        if self.count == 0:
            self.__dict__.update(other.__dict__)  # tensors are never written in place: share them
            return
        device, total = self.mean.device, self.count + other.count
        step = other.mean.to(device) - self.mean
        self.squares = self.squares + other.squares.to(device)
        self.squares = self.squares + step.square() * (self.count * (other.count / total))
        self.mean = self.mean + step * (other.count / total)
        self.minimum = torch.minimum(self.minimum, other.minimum.to(device))
        self.maximum = torch.maximum(self.maximum, other.maximum.to(device))
        self.count = total

    def scaled(self, exponent: int) -> Self:
        """Return the moments of the rows times 2^exponent."""
        mean, low, high = (
            scaled(column, exponent) for column in (self.mean, self.minimum, self.maximum)
        )
        return type(self)(self.count, mean, scaled(self.squares, 2 * exponent), low, high)
