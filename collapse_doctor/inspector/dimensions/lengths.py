"""Lengths of rows and columns: taken during a step without reading a value, judged later."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["NEAR", "Lengths", "measured", "span"]

MOST_VALUES = 1 << 22
"""Values of a tensor whose lengths are taken: some milliseconds at most."""
NEAR = 1e-4
"""How far from 1 a length may be by rounding: sums of float32 over thousands of entries err by
less, and lengths are not that near to 1 by chance in every column."""


def measured(tensor: Tensor) -> Tensor | None:
    """Return squared lengths of columns, column sums, and squared lengths of rows, in one vector.

    None for a tensor that is too large, or no (n, d). Nothing is read, and nothing of the tensor
    is kept.
    """
    if tensor.dim() != 2 or tensor.numel() > MOST_VALUES or not tensor.is_floating_point():
        return None
    values = tensor.detach()
    values = values.float() if values.element_size() < 4 else values
    squares = values.square()
    return torch.cat([squares.sum(0), values.sum(0), squares.sum(1)])


def span(values: Tensor) -> tuple[float, float] | None:
    """Return the smallest and the largest of values on the host, None if not all are finite."""
    low, high = float(values.min()), float(values.max())
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


@dataclass(frozen=True)
class Lengths:
    """What :func:`measured` gave, on the host: lengths (d,) of columns and (n,) of rows."""

    columns: Tensor
    sums: Tensor
    rows: Tensor
    tolerance: float

    @classmethod
    def of(cls, values: Tensor, width: int, dtype: str) -> Lengths:
        """Read what was measured of a tensor of that width and dtype."""
        parts = values.double().split([width, width, len(values) - 2 * width])
        columns, sums, rows = parts
        tolerance = max(NEAR, 2 * torch.finfo(getattr(torch, dtype)).eps)
        return cls(columns.sqrt(), sums, rows.sqrt(), tolerance)

    @property
    def are_centred(self) -> bool:
        """Whether the mean of every column is 0, relative to its length.

        The cosine of a column with a constant one is 0 then. By chance it is about 1 / √n.
        """
        cosine = self.sums.abs() / len(self.rows) ** 0.5
        return bool((cosine <= 10 * self.tolerance * self.columns).all())

    @property
    def unit_columns(self) -> bool:
        """Whether columns have length 1 (but for those of zeros), and rows have not."""
        used = self.columns[self.columns > NEAR]
        return len(used) > 1 and self._are_unit(used) and not self._are_unit(self.rows)

    @property
    def even_rows(self) -> bool:
        """Whether all rows have one length, whatever it is."""
        longest = float(self.rows.max())
        return not 0 < longest < math.inf or self._are_unit(self.rows / longest)

    @property
    def even_columns(self) -> bool:
        """Whether all columns have one length, whatever it is, and the rows have not."""
        longest = float(self.columns.max())
        if not 0 < longest < math.inf:
            return False
        return self._are_unit(self.columns / longest) and not self.even_rows

    @property
    def unit_whole(self) -> bool:
        """Whether all entries together have length 1, and rows have not."""
        whole = float(self.rows.square().sum().sqrt())
        return abs(whole - 1) <= self.tolerance and len(self.rows) > 1

    def _are_unit(self, lengths: Tensor) -> bool:
        return bool(((lengths - 1).abs() <= self.tolerance).all())
